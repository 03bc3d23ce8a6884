"""Every fault at every step: what strikes, the world it strikes in, and how it must end."""
