"""Nouns and rules on the standard library alone."""
