"""Domain types and rules. They import only the standard library."""
