"""Calls the service's token route, signed with IAM, and turns its answers into tokens and errors."""

import os
import random
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from hubspot_tokens.discovery import Session, new_session, region_of, url_of
from hubspot_tokens.errors import (
    AccountNotFound,
    NotAllowed,
    NotConfigured,
    Refused,
    ReinstallRequired,
    ScopesMissing,
    TokenError,
    TokenRejected,
    Unavailable,
)
from hubspot_tokens.tokens import Ask, Token

#: Seconds to connect, and to answer: the service may have to call HubSpot and to wait for another refresh.
TIMEOUTS = (3.0, 30.0)
#: How long one ask goes on while another caller's refresh is under way.
PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.5
_FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVER_ERROR, _UNAVAILABLE = 403, 404, 429, 500, 503


class TokenApi:
    """The token route of one stack.

    Args:
        url, stack, region, session: As ``Client`` takes them. Nothing is looked up before the first call.
    """

    def __init__(
        self,
        url: str | None,
        stack: str | None,
        region: str | None,
        session: Session | None,
    ) -> None:
        self._given = url, stack, region, session
        self._found: tuple[str, _Signed] | None = None
        self._http: tuple[int, requests.Session] | None = None

    def token(self, ask: Ask) -> tuple[Token, float]:
        """The token and how many seconds it still lives.

        A call that did not reach the service is repeated once. A call that meets another caller's refresh is repeated
        for at most ``PATIENCE_SECONDS``.

        Raises:
            TokenError: There is none.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        calls = 0
        while True:
            calls += 1
            try:
                return self._once(ask)
            except Unavailable as error:
                lost = error.code == "no_answer" or error.code.startswith("http_")
                busy = error.code == "refresh_in_progress"
                if not (lost and calls == 1) and not (busy and time.monotonic() < until):
                    raise
            time.sleep(_PAUSE_SECONDS * (0.5 + random.random()))  # noqa: S311 - spreads callers, no secret

    def _once(self, ask: Ask) -> tuple[Token, float]:
        url, signed = self._place()
        wanted = {"min_ttl": ask.min_ttl, "rejected": ask.rejected, "scopes": " ".join(ask.scopes) or None}
        query = urlencode({name: value for name, value in wanted.items() if value is not None}, quote_via=quote)
        target = f"{url}/accounts/{ask.hub_id}/token" + (f"?{query}" if query else "")
        try:
            answer = self._session().get(target, auth=signed, timeout=TIMEOUTS, allow_redirects=False)
        except requests.ReadTimeout as error:
            raise Unavailable("The token service took too long.", code="timeout") from error
        except requests.RequestException as error:
            # Its text names hosts and addresses, but no header.
            raise Unavailable(f"The token service does not answer: {error}", code="no_answer") from error
        if answer.status_code != requests.codes.ok:
            raise _error_of(answer, ask)
        content = _json_of(answer)
        try:
            return Token.parse(content), float(content["expires_in"])
        except (KeyError, TypeError, ValueError, AttributeError):
            # Without the cause: its traceback could show the answer.
            raise Unavailable("The token service's answer is not a token.", code="http_200") from None

    def _place(self) -> tuple[str, "_Signed"]:
        if self._found is None:
            url, stack, region, session = self._given
            session = session or new_session()
            found = url_of(url, stack, region_of(None, region, session), session)
            signing_region = region_of(found, region, session)
            if signing_region is None:
                raise NotConfigured("No AWS region is chosen: set AWS_REGION.", code="not_configured")
            self._found = found, _Signed(session, signing_region)
        return self._found

    def _session(self) -> requests.Session:
        """The connections of this process; a forked child opens its own."""
        if self._http is None or self._http[0] != os.getpid():
            session = requests.Session()
            for prefix in ("https://", "http://"):
                session.mount(prefix, HTTPAdapter(pool_maxsize=32))
            self._http = os.getpid(), session
        return self._http[1]


class _Signed(AuthBase):
    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self._region = region

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        signed = AWSRequest(request.method, request.url)
        SigV4Auth(self._credentials(), "execute-api", self._region).add_auth(signed)
        request.headers.update(dict(signed.headers))
        return request

    def _credentials(self) -> ReadOnlyCredentials:
        try:
            found = self._session.get_credentials()
            if found is None:
                raise NotConfigured("There are no AWS credentials to sign with.", code="no_credentials")
            frozen: ReadOnlyCredentials = found.get_frozen_credentials()
        except BotoCoreError as error:
            raise Unavailable(f"The AWS credentials cannot be read: {error}", code="no_credentials") from error
        return frozen


def _json_of(answer: requests.Response) -> Mapping[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _error_of(answer: requests.Response, ask: Ask) -> TokenError:
    content, status = _json_of(answer), answer.status_code
    code = str(content.get("code") or "")
    said = str(content.get("detail") or content.get("message") or answer.reason)
    install_url = str(content.get("install_url") or "")
    error: TokenError
    match code:
        case "":
            error = _error_without_code(status, said, ask, answer)
        case "account_not_found":
            error = AccountNotFound(said, code=code)
        case "needs_reinstall":
            error = ReinstallRequired(said, code=code, install_url=install_url)
        case "scopes_missing":
            missing = tuple(map(str, content.get("missing_scopes") or ()))
            error = ScopesMissing(said, code=code, install_url=install_url, missing_scopes=missing)
        case "token_rejected":
            error = TokenRejected(said, code=code)
        case _ if status == _UNAVAILABLE:
            error = Unavailable(said, code=code, retry_after=_retry_after(answer))
        case _:
            error = Refused(said, code=code)
    return error


def _error_without_code(status: int, said: str, ask: Ask, answer: requests.Response) -> TokenError:
    """The error for an answer that is API Gateway's own, or not of the service at all."""
    if status == _FORBIDDEN:
        route = f"GET /accounts/{ask.hub_id}/token"
        return NotAllowed(f"IAM does not allow {route}, or the signature is not valid: {said}", code="not_allowed")
    if status == _NOT_FOUND:
        return NotConfigured("There is no token API at this address.", code="not_configured")
    if status == _TOO_MANY or status >= _SERVER_ERROR:
        return Unavailable(
            f"The token service answers {status}: {said}", code=f"http_{status}", retry_after=_retry_after(answer)
        )
    return Refused(f"The token service answers {status}: {said}", code=f"http_{status}")


def _retry_after(answer: requests.Response) -> float:
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdecimal() else 1.0
