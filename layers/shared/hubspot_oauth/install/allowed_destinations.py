"""The sites that an install may send a browser to: the team's own, and HubSpot's pages."""

from dataclasses import dataclass

from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.urls import agrees, on_hubspot, within


@dataclass(kw_only=True)
class AllowedDestinations:
    """Judges addresses that came from outside."""

    settings: Settings

    def allows_return_to(self, url: str) -> bool:
        """Whether ``return_to`` may be this address: it is on one of the allowed origins."""
        return within(url, self.settings.return_to_origins)

    def allows_hubspot_page(self, url: str, host: str) -> bool:
        """Whether a browser may take its state to this address: one of HubSpot's, but not another app's consent page.

        Another app's consent page would hand the state to that app, which could then finish an install of its own.
        """
        ours = {"client_id": self.settings.client_id, "redirect_uri": self.settings.redirect_uri(host)}
        return on_hubspot(url, self.settings.app_url) and agrees(url, ours)
