"""HubSpot OAuth for many accounts: installs, sealed tokens, refresh before expiry, tokens on request.

Packages import one another in one direction only. ``docs/architecture.md`` draws it, and a test checks it.
"""
