"""``HubSpotAuth`` puts an account's access token on the calls that ``requests`` sends to HubSpot."""

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from hubspot_tokens.client import DEFAULT, Client
from hubspot_tokens.errors import TokenRejected

#: The origin of another HubSpot than the real one: a simulator's.
API_URL_VARIABLE = "HUBSPOT_API_URL"
_BEARER = "Bearer "


class HubSpotAuth(AuthBase):
    """Authentication for ``requests``: ``session.auth = HubSpotAuth(hub_id)``.

    Every call gets the account's current token, so a session outlives any token. If HubSpot answers 401, the token is
    replaced, unless somebody else has replaced it already, and the call is sent once more. A call whose body cannot be
    read again (a generator) is not repeated; its 401 comes back, and the next call has the new token. If the token was
    issued moments ago, the 401 comes back too: another token would be rejected as well.

    The token is sent only to ``https://*.hubapi.com``, and to the origin in the environment's ``HUBSPOT_API_URL``.

    Args:
        hub_id: HubSpot's number for the account.
        client: Where tokens come from. The default is the client that ``get_access_token`` uses.
        scopes: Scopes that the account must have granted.

    Raises:
        ValueError: A call goes to another host than HubSpot's.
        TokenError: There is no token, when a call is sent or after a 401.
    """

    def __init__(self, hub_id: int, client: Client | None = None, *, scopes: Sequence[str] = ()) -> None:
        self._hub_id = hub_id
        self._client = client or DEFAULT
        self._scopes = scopes

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token on a request that is about to be sent."""
        _require_hubspot(request.url or "")
        _put(request, self._client.get_access_token(self._hub_id, scopes=self._scopes))
        position = _position_of(request.body)

        def answered(response: requests.Response, **sending: Any) -> requests.Response:  # noqa: ANN401 - as requests has it
            return self._answered(response, position, sending)

        request.register_hook("response", answered)  # type: ignore[no-untyped-call]
        return request

    def _answered(
        self, response: requests.Response, position: int | None, sending: dict[str, Any]
    ) -> requests.Response:
        authorization = str(response.request.headers.get("Authorization") or "")
        # After a redirect to another host, requests has taken the header off.
        if response.status_code != requests.codes.unauthorized or not authorization.startswith(_BEARER):
            return response
        rejected = authorization.removeprefix(_BEARER)
        try:
            token = self._client.get_token(self._hub_id, rejected=rejected, scopes=self._scopes).access_token
        except TokenRejected:
            return response
        request = response.request.copy()
        if not _rewound(request.body, position):
            return response
        response.content  # noqa: B018 - reads the answer, so that its connection can be used again
        response.close()
        _put(request, token)
        again: requests.Response = response.connection.send(request, **sending)
        again.history.append(response)
        again.request = request
        return again


def _put(request: requests.PreparedRequest, token: str) -> None:
    request.headers["Authorization"] = _BEARER + token


def _require_hubspot(url: str) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    ours = parts.scheme == "https" and (host == "hubapi.com" or host.endswith(".hubapi.com"))
    other = os.environ.get(API_URL_VARIABLE, "").rstrip("/")
    if not ours and f"{parts.scheme}://{parts.netloc}" != other:
        raise ValueError(f"HubSpotAuth sends tokens to HubSpot alone, not to {host or 'this URL'}")


def _position_of(body: object) -> int | None:
    try:
        return int(body.tell())  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError, TypeError):
        return None


def _rewound(body: object, position: int | None) -> bool:
    """Whether the body can be sent again. A file is set back to where it began."""
    if body is None or isinstance(body, str | bytes):
        return True
    if position is None:
        return False
    try:
        body.seek(position)  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return False
    return True
