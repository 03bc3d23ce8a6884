"""``GET /accounts/{hub_id}/token`` hands a working access token to the team's own code."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hubspot_oauth.adapters.api_gateway import Event, Query, Response, hub_id_of, json_answer
from hubspot_oauth.adapters.telemetry import logger
from hubspot_oauth.api.access_tokens import AccessTokens
from hubspot_oauth.api.signed_calls import SignedCalls
from hubspot_oauth.domain.account import GrantKey
from hubspot_oauth.domain.api_errors import InvalidRequest, ScopesMissing
from hubspot_oauth.domain.clocks import Clock, Remaining, iso
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import AccessToken

_SECONDS = re.compile(r"[0-9]{1,16}")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_SCOPES = re.compile(r"[A-Za-z0-9._-]+( [A-Za-z0-9._-]+)*")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks of the token; None and empty mean not given."""

    min_ttl: int | None
    rejected: str | None
    scopes: tuple[str, ...]


@dataclass(kw_only=True)
class TokenRoute:
    settings: Settings
    access_tokens: AccessTokens
    signed_calls: SignedCalls
    clock: Clock

    def answer(self, event: Event, remaining: Remaining) -> Response:
        """Answer with the token as JSON, or with a problem."""

        def get(query: Query) -> Response:
            hub_id = hub_id_of(event)
            logger.append_keys(hub_id=hub_id)
            asked = asked_of(query)
            token = self.access_tokens.get(GrantKey.of_account(hub_id), asked.min_ttl, asked.rejected, remaining)
            self._check_scopes(asked.scopes, token)
            return json_answer(200, self._body(token))

        return self.signed_calls.answer(event, get)

    def _check_scopes(self, wanted: tuple[str, ...], token: AccessToken) -> None:
        missing = sorted(set(wanted) - set(token.scopes) - {"oauth"})
        if never := sorted(set(missing) - self.settings.askable_scopes):
            # An install could not mend this, so no link to one is given.
            raise InvalidRequest(f"No install asks for the scope {never[0]}; it is not deployed.", field="scopes")
        if missing:
            detail = f"Account {token.hub_id} has not granted {' '.join(missing)}."
            raise ScopesMissing(detail, hub_id=token.hub_id, missing_scopes=missing)

    def _body(self, token: AccessToken) -> dict[str, object]:
        return {
            "hub_id": token.hub_id,
            "access_token": token.token,
            "token_type": "bearer",
            "expires_in": max(0, int(token.expires_at - self.clock())),
            "expires_at": iso(token.expires_at),
            "scopes": list(token.scopes),
            "missing_scopes": self.settings.missing_scopes(token.scopes),
            "fingerprint": token.fingerprint,
        }


def asked_of(query: Mapping[str, str]) -> Asked:
    """Parse ``min_ttl`` (seconds), ``rejected`` (a fingerprint) and ``scopes`` (separated by single spaces).

    Raises:
        InvalidRequest: One of the three is malformed.
    """
    min_ttl, rejected, scopes = query.get("min_ttl"), query.get("rejected"), query.get("scopes")
    if min_ttl is not None and not _SECONDS.fullmatch(min_ttl):
        raise InvalidRequest("min_ttl is not a number of seconds.", field="min_ttl")
    if rejected is not None and not _FINGERPRINT.fullmatch(rejected):
        raise InvalidRequest("rejected is not the fingerprint of a token.", field="rejected")
    if scopes is not None and not _SCOPES.fullmatch(scopes):
        raise InvalidRequest("scopes is not a list of scopes separated by single spaces.", field="scopes")
    return Asked(int(min_ttl) if min_ttl is not None else None, rejected, tuple(scopes.split()) if scopes else ())
