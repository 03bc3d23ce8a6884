"""HubSpot OAuth for many accounts: installs, sealed tokens, refresh before expiry, tokens on request.

Modules point inward only: ``config bootstrap web`` → ``installs tokens refresh dispatch`` →
``hubspot accounts attempts breaker vault credentials rescue`` → ``models lifetimes state refusals errors``.
"""
