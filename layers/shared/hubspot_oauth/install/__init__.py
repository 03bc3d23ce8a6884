"""The install flow in the browser: start, callback, code exchange and pages."""
