"""HubSpot OAuth for many accounts: installs, sealed tokens, refresh before expiry, tokens on request.

Modules point inward only: ``docs/architecture.md`` has the map, and a test holds to it.
"""
