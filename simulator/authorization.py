"""The authorization request: what HubSpot's page refuses, and what it sends back to the app."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from simulator.codes import Challenge, Code
from simulator.configuration import SimulatorSettings
from simulator.declaration import is_acceptable_redirect
from simulator.portals import Account, User
from simulator.simulator import Simulator

# HubSpot shows these on its own page without a redirect, so the app never learns of them.
REFUSALS = {
    "unknown_client": "We couldn't find an app with this client ID.",
    "redirect_not_registered": "The redirect URL in this link is not registered for the app.",
    "redirect_not_acceptable": "A redirect URL must use https and a domain name; http is for localhost only.",
    "insufficient_scopes": "The provided scopes are insufficient: the app requires more than this link asks for.",
    "scope_mismatch": "There is a mismatch between the scopes in the install URL and the app's configured scopes.",
    "unknown_account": "You don't have access to this account.",
    "account_lacks_scope": "This account does not have access to a scope that the app requires.",
    "installer_lacks_rights": "Only a Super Admin, or a user with App Marketplace Access, can install this app.",
}


class Refused(Exception):
    """HubSpot's page refuses the install; `reason` is a key of REFUSALS."""

    def __init__(self, reason: str, *details: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sentence = REFUSALS[reason]
        self.details = details


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """The parameters of an authorization URL. `state` is None if the URL has none, "" if it is empty."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    optional_scopes: tuple[str, ...]
    state: str | None = field(default=None, repr=False)
    challenge: Challenge | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, query: str) -> "AuthorizationRequest":
        """Read a raw query string. An absent required parameter becomes empty, and `check` refuses that."""
        given = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        challenge = given.get("code_challenge")
        return cls(
            client_id=given.get("client_id", ""),
            redirect_uri=given.get("redirect_uri", ""),
            scopes=_scopes(given, "scope"),
            optional_scopes=_scopes(given, "optional_scope"),
            state=given.get("state"),
            challenge=Challenge(challenge, given.get("code_challenge_method", "plain")) if challenge else None,
        )

    def check(self, settings: SimulatorSettings) -> None:
        """Refuse a request that no account could grant."""
        if self.client_id != settings.client_id:
            raise Refused("unknown_client")
        if self.redirect_uri not in settings.redirect_urls:
            raise Refused("redirect_not_registered", self.redirect_uri)
        if not is_acceptable_redirect(self.redirect_uri):
            raise Refused("redirect_not_acceptable", self.redirect_uri)
        self._check_scopes(settings)

    def _check_scopes(self, settings: SimulatorSettings) -> None:
        required = settings.always_required()
        if missing := required.difference(self.scopes):
            raise Refused("insufficient_scopes", *sorted(missing))
        misplaced = set(self.scopes) - required - set(settings.conditional_scopes)
        misplaced |= set(self.optional_scopes) - set(settings.optional_scopes)
        if misplaced:
            raise Refused("scope_mismatch", *sorted(misplaced))

    def query(self) -> str:
        """Write the request as the query string of an authorization URL."""
        fields = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.scopes),
            "optional_scope": " ".join(self.optional_scopes),
            "state": self.state,
        }
        return with_query("", fields).removeprefix("?")

    def check_account(self, account: Account | None) -> Account:
        """Refuse an account that lacks a scope in the parameter `scope`."""
        if account is None:
            raise Refused("unknown_account")
        if not account.may_grant(self.scopes):
            raise Refused("account_lacks_scope", *sorted(account.unavailable_scopes.intersection(self.scopes)))
        return account

    def granted_by(self, account: Account) -> tuple[str, ...]:
        """All requested scopes, and the optional ones that the account has. HubSpot drops the others silently."""
        return self.scopes + tuple(s for s in self.optional_scopes if account.may_grant((s,)))


def _scopes(given: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(given.get(name, "").split()))


def check_installer(user: User | None) -> None:
    """Refuse a user who may not install apps."""
    if user is None or not user.may_install:
        raise Refused("installer_lacks_rights")


def allow(simulator: Simulator, request: AuthorizationRequest, hub_id: int, user_id: int) -> str:
    """Check the whole request again and issue a code."""
    with simulator.lock:
        settings = simulator.settings
        request.check(settings)
        account = request.check_account(simulator.account(hub_id))
        check_installer(settings.user(user_id))
        code = Code(
            simulator.opaque(settings.code_length, hub_id),
            request.client_id,
            request.redirect_uri,
            hub_id,
            user_id,
            request.granted_by(account),
            simulator.clock() + settings.code_lifetime,
            request.challenge,
        )
        return simulator.codes.add(code).value


def answer_url(simulator: Simulator, request: AuthorizationRequest, hub_id: int, user_id: int, *, allowed: bool) -> str:
    """The redirect URL with the answer to Allow or Cancel, and the state as it was sent."""
    if allowed:
        answer = {"code": allow(simulator, request, hub_id, user_id)}
    else:
        request.check(simulator.settings)
        # Assumed: HubSpot publishes no error codes for its redirect.
        answer = {"error": "access_denied", "error_description": "The user declined to authorize the app."}
    return with_query(request.redirect_uri, answer | {"state": request.state})


def with_query(url: str, parameters: Mapping[str, str | None]) -> str:
    """Append the parameters that are not None; the URL keeps the query it has."""
    parts = urlsplit(url)
    given = {name: value for name, value in parameters.items() if value is not None}
    query = "&".join(filter(None, (parts.query, urlencode(given, quote_via=quote, safe=""))))
    return parts._replace(query=query).geturl()
