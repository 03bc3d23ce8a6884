"""What installing people meet: start, consent answer, code exchange, pages."""
