"""``GET /accounts/{hub_id}/token`` hands a working access token to the team's own code."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hubspot_oauth.adapters.api_gateway import Event, Query, Response, hub_id_of, json_answer
from hubspot_oauth.adapters.telemetry import logger
from hubspot_oauth.api.access_tokens import AccessTokens
from hubspot_oauth.api.signed_calls import SignedCalls
from hubspot_oauth.domain.account import GrantKey
from hubspot_oauth.domain.api_errors import InvalidRequest
from hubspot_oauth.domain.clocks import Clock, Remaining, iso
from hubspot_oauth.domain.tokens import AccessToken

_SECONDS = re.compile(r"[0-9]{1,16}")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@dataclass(kw_only=True)
class TokenRoute:
    access_tokens: AccessTokens
    signed_calls: SignedCalls
    clock: Clock

    def answer(self, event: Event, remaining: Remaining) -> Response:
        """Answer with the token as JSON, or with a problem."""

        def get(query: Query) -> Response:
            hub_id = hub_id_of(event)
            logger.append_keys(hub_id=hub_id)
            min_ttl, rejected = asked_of(query)
            token = self.access_tokens.get(GrantKey.of_account(hub_id), min_ttl, rejected, remaining)
            return json_answer(200, self._body(token))

        return self.signed_calls.answer(event, get)

    def _body(self, token: AccessToken) -> dict[str, object]:
        return {
            "hub_id": token.hub_id,
            "access_token": token.token,
            "token_type": "bearer",
            "expires_in": max(0, int(token.expires_at - self.clock())),
            "expires_at": iso(token.expires_at),
            "scopes": list(token.scopes),
            "fingerprint": token.fingerprint,
        }


def asked_of(query: Mapping[str, str]) -> tuple[int | None, str | None]:
    """Parse ``min_ttl`` (seconds) and ``rejected`` (a fingerprint). Each is None if it is not given.

    Raises:
        InvalidRequest: One of the two is malformed.
    """
    min_ttl, rejected = query.get("min_ttl"), query.get("rejected")
    if min_ttl is not None and not _SECONDS.fullmatch(min_ttl):
        raise InvalidRequest("min_ttl is not a number of seconds.", field="min_ttl")
    if rejected is not None and not _FINGERPRINT.fullmatch(rejected):
        raise InvalidRequest("rejected is not the fingerprint of a token.", field="rejected")
    return (int(min_ttl) if min_ttl is not None else None), rejected
