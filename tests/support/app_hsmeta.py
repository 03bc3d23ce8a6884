"""An app's own declaration, as a HubSpot developer keeps it in app-hsmeta.json."""

import copy
from typing import Any

HSMETA = {
    "uid": "app",
    "config": {
        "name": "My app",
        "auth": {
            "type": "oauth",
            "redirectUrls": ["https://auth.example.com/oauth-callback", "http://localhost:3000/oauth-callback"],
            "requiredScopes": ["crm.objects.contacts.read"],
            "conditionallyRequiredScopes": ["automation"],
            "optionalScopes": ["tickets"],
        },
    },
}


def hsmeta(**auth: object) -> dict[str, Any]:
    """The declaration, with these members of ``config.auth`` changed."""
    changed: dict[str, Any] = copy.deepcopy(HSMETA)
    changed["config"]["auth"].update(auth)
    return changed
