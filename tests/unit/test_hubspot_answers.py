"""What each answer of HubSpot's token endpoint means on a refresh: the failure table, line by line."""

import itertools
import json
import time
from typing import Any, cast

import pytest

from hubspot_oauth.adapters import http_calls
from hubspot_oauth.adapters.client_secret import Secret
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.adapters.hubspot_answers import MOST_RETRY_AFTER, MOST_RETRY_AFTER_A_FAULT, NO_ACCESS_TOKEN
from hubspot_oauth.domain.call_timeouts import PREPARE_SECONDS
from hubspot_oauth.domain.clocks import Monotonic
from hubspot_oauth.domain.errors import AnswerForAnotherAccount, GrantDead, HubSpotError, Misconfigured, TryLater
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import RefreshTokenOnly, TokenAnswer
from simulator.answers import ERRORS
from tests.support.stack import ENVIRONMENT

HTML = b"<html><body><h1>Forbidden</h1></body></html>"
DEAD = ("BAD_REFRESH_TOKEN", "BAD_HUB", "BAD_SCOPES")
CLIENT = ("BAD_CLIENT_ID", "BAD_CLIENT_SECRET")


SECRET = Secret("secret", "v1")


class Rotated:
    """A client secret, and what another look at it shows."""

    def __init__(self, rotated: str | None) -> None:
        self._rotated = rotated

    def __call__(self) -> Secret:
        return SECRET

    def other_than(self, _refused: Secret) -> Secret | None:
        return Secret(self._rotated, "v2") if self._rotated else None


def a_hubspot(rotated: str | None = None, monotonic: Monotonic = time.monotonic) -> HubSpot:
    return HubSpot(Settings.from_env(ENVIRONMENT), cast(Any, Rotated(rotated)), monotonic)


def failure(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, retry_after: str = "") -> HubSpotError:
    answer = http_calls.Answer(status, {"Retry-After": retry_after} if retry_after else {}, body)
    monkeypatch.setattr(http_calls, "call", lambda *_, **__: answer)
    with pytest.raises(HubSpotError) as caught:
        a_hubspot().refresh("token", SECRET, 1)
    return caught.value


def documented(status: str) -> bytes:
    error, description = ERRORS[status]
    return json.dumps({"status": status, "error": error, "error_description": description}).encode()


@pytest.mark.parametrize(
    "body",
    [*map(documented, DEAD), b'{"error": "invalid_grant"}', b'{"error": "access_denied"}']
    + [json.dumps({"status": status}).encode() for status in DEAD],
)
def test_the_grant_is_dead(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    assert isinstance(failure(monkeypatch, 400, body), GrantDead)


@pytest.mark.parametrize("body", [*map(documented, CLIENT), b'{"error": "invalid_client"}'])
@pytest.mark.parametrize("status", [400, 401])
def test_our_client_is_refused(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes) -> None:
    error = failure(monkeypatch, status, body)

    assert isinstance(error, Misconfigured)
    assert error.client_level


@pytest.mark.parametrize("status", CLIENT)
def test_a_refused_client_is_no_dead_grant_whatever_the_error_says(
    monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    body = json.dumps({"status": status, "error": "invalid_grant"}).encode()

    assert isinstance(failure(monkeypatch, 400, body), Misconfigured)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, documented("BAD_GRANT_TYPE"), "BAD_GRANT_TYPE"),
        (400, documented("BAD_REDIRECT_URI"), "BAD_REDIRECT_URI"),
        (400, documented("MISMATCH_REDIRECT_URI_AUTH_CODE"), "MISMATCH_REDIRECT_URI_AUTH_CODE"),
        (400, documented("BAD_CODE_VERIFIER"), "BAD_CODE_VERIFIER"),
        (400, b'{"error": "invalid_scope"}', "invalid_scope"),
        (400, b'{"error": "unsupported_grant_type"}', "unsupported_grant_type"),
        (400, b'{"status": "NEVER_HEARD_OF"}', "NEVER_HEARD_OF"),
        (400, b"", "http_400"),
        (400, b'["invalid_grant"]', "http_400"),
        (400, b'{"error": {"code": "invalid_grant"}}', "http_400"),
        (401, b"{}", "http_401"),
        (403, HTML, "http_403"),
        (404, b"{}", "http_404"),
        (410, b"{}", "http_410"),
        (415, b'{"status": "error", "message": "HTTP 415 Unsupported Media Type"}', "http_415"),
        (418, b"[" * 100_000, "http_418"),
        (499, b"{}", "http_499"),
    ],
)
def test_we_are_misconfigured(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, code: str) -> None:
    error = failure(monkeypatch, status, body)

    assert (type(error), error.code) == (Misconfigured, code)


@pytest.mark.parametrize("status", [302, 304, 408, 423, 425, 429, 477, 500, 501, 502, 503, 504, 520, 599])
@pytest.mark.parametrize("body", [HTML, b"", documented("BAD_REFRESH_TOKEN")])
def test_an_answer_that_may_pass_is_tried_later(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes) -> None:
    error = failure(monkeypatch, status, body)

    assert (type(error), error.code) == (TryLater, f"http_{status}")


@pytest.mark.parametrize("body", [HTML, b"", b"[]", b'"text"', b'{"access_token": "a', b"[" * 100_000, b"\xff\xfe\x00"])
def test_a_body_that_does_not_parse_is_tried_later(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    assert isinstance(failure(monkeypatch, 200, body), TryLater)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("30", 30),
        ("0", 0),
        ("86400", 86_400),
        ("99999999", MOST_RETRY_AFTER),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
@pytest.mark.parametrize("status", [423, 429, 477])
def test_retry_after_is_read(monkeypatch: pytest.MonkeyPatch, status: int, header: str, seconds: int | None) -> None:
    assert failure(monkeypatch, status, b"{}", header).retry_after == seconds


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_fault_that_asks_for_a_day_is_obeyed_for_minutes(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    assert failure(monkeypatch, status, b"{}", "86400").retry_after == MOST_RETRY_AFTER_A_FAULT


@pytest.mark.parametrize("status", [200, 201, 203])
def test_tokens_are_taken_from_any_answer_that_says_success(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    body = json.dumps({"access_token": "a", "expires_in": 1800, "refresh_token": "r"}).encode()
    monkeypatch.setattr(http_calls, "call", lambda *_, **__: http_calls.Answer(status, {}, body))

    answer = a_hubspot().refresh("token", SECRET, 1)

    assert answer.refresh_token == "r"


@pytest.mark.parametrize(("seconds", "calls"), [(PREPARE_SECONDS / 2, 2), (PREPARE_SECONDS, 1)])
def test_an_exchange_is_repeated_with_a_rotated_secret_only_while_its_function_has_time_for_it(
    monkeypatch: pytest.MonkeyPatch, seconds: float, calls: int
) -> None:
    sent: list[str] = []
    clock = itertools.count(step=seconds + 0.1)

    def refuse(*_: object, form: dict[str, str], **__: object) -> http_calls.Answer:
        sent.append(form["client_secret"])
        return http_calls.Answer(400, {}, documented("BAD_CLIENT_SECRET"))

    monkeypatch.setattr(http_calls, "call", refuse)
    with pytest.raises(Misconfigured):
        a_hubspot("new", lambda: next(clock)).exchange("code", "http://localhost:3000/oauth-callback")

    assert sent == ["secret", "new"][:calls]


@pytest.mark.parametrize(("refused", "version"), [(0, "v1"), (1, "v2")])
def test_an_answer_and_an_error_say_which_secret_was_sent(
    monkeypatch: pytest.MonkeyPatch, refused: int, version: str
) -> None:
    tokens = http_calls.Answer(200, {}, json.dumps({"access_token": "a", "expires_in": 1800}).encode())
    before = [http_calls.Answer(400, {}, documented("BAD_CLIENT_SECRET"))] * refused
    answers = iter([*before, tokens, *before, http_calls.Answer(400, {}, documented("BAD_REFRESH_TOKEN"))])
    monkeypatch.setattr(http_calls, "call", lambda *_, **__: next(answers))
    hubspot = a_hubspot("new")

    answer = hubspot.refresh("token", SECRET, 1)
    with pytest.raises(GrantDead) as caught:
        hubspot.refresh("token", SECRET, 1)

    assert isinstance(answer, TokenAnswer)
    assert (answer.secret_version, caught.value.secret_version) == (version, version)


def refreshed(monkeypatch: pytest.MonkeyPatch, body: str) -> TokenAnswer | RefreshTokenOnly:
    """What a refresh of account 1 makes of this JSON."""
    monkeypatch.setattr(http_calls, "call", lambda *_, **__: http_calls.Answer(200, {}, body.encode()))
    return a_hubspot().refresh("old", SECRET, 1)


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        ("1800", 1800),
        ('"1800"', 1800),
        ('"0900"', 900),
        ("1800.9", 1800),
        ("0.2", 1),
        ("0", None),
        ("-5", None),
        ("true", None),
        ("null", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e400", None),
        ("[1800]", None),
        ("1000000000", None),
        ('"9999999999999999"', None),
        ('"-1800"', None),
        ('"1800 "', None),
        ('"٣"', None),
        ('"half an hour"', None),
    ],
)
def test_a_lifetime_is_a_number_or_digits_and_anything_else_is_none(
    monkeypatch: pytest.MonkeyPatch, expires_in: str, seconds: int | None
) -> None:
    answer = refreshed(monkeypatch, f'{{"access_token": "a", "expires_in": {expires_in}}}')

    assert isinstance(answer, TokenAnswer)
    assert answer.expires_in == seconds


@pytest.mark.parametrize(
    "token", ['""', "null", "7", '["a"]', '"a\\nb"', '"a\\r"', '"a\\u0000"', '"\\ud800"', '"caf\\u00e9"', '"\\u007f"']
)
def test_what_is_outside_the_alphabet_of_tokens_is_no_token(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    only_refresh_token = refreshed(monkeypatch, f'{{"access_token": {token}, "refresh_token": "new", "hub_id": 1}}')
    only_access_token = refreshed(monkeypatch, f'{{"access_token": "~ a!", "refresh_token": {token}, "hub_id": 1}}')
    with pytest.raises(TryLater) as caught:
        refreshed(monkeypatch, f'{{"access_token": {token}, "refresh_token": {token}}}')

    assert only_refresh_token == RefreshTokenOnly("new", 1)
    assert only_access_token == TokenAnswer("~ a!", None, None, 1, (), "v1")
    assert caught.value.code == NO_ACCESS_TOKEN


@pytest.mark.parametrize(
    ("scopes", "read"),
    [
        ('["oauth", "tickets"]', ("oauth", "tickets")),
        ('"oauth tickets"', ("oauth", "tickets")),
        ('["oauth", 7, null, "a b", "a\\nb", "\\ud800", "\\"", "\\\\", ""]', ("oauth",)),
        ('"oauth  tickets "', ("oauth", "tickets")),
        ('{"oauth": true}', ()),
        ("null", ()),
    ],
)
def test_scopes_are_read_from_a_list_or_from_one_text(
    monkeypatch: pytest.MonkeyPatch, scopes: str, read: tuple[str, ...]
) -> None:
    answer = refreshed(monkeypatch, f'{{"access_token": "a", "scopes": {scopes}}}')

    assert isinstance(answer, TokenAnswer)
    assert answer.scopes == read


@pytest.mark.parametrize("other", ["2", '"2"', '"02"', "2.0", "2e0"])
@pytest.mark.parametrize("token", ["access_token", "refresh_token"])
def test_another_account_is_recognised_in_whatever_type_it_comes(
    monkeypatch: pytest.MonkeyPatch, other: str, token: str
) -> None:
    with pytest.raises(AnswerForAnotherAccount):
        refreshed(monkeypatch, f'{{"{token}": "a", "hub_id": {other}}}')


@pytest.mark.parametrize(
    "own", ["1", '"1"', "1.0", "null", "true", "2.5", "-1", "0", '""', "[2]", "1e400", "NaN", "1e16"]
)
def test_an_account_that_cannot_be_read_costs_no_tokens(monkeypatch: pytest.MonkeyPatch, own: str) -> None:
    answer = refreshed(monkeypatch, f'{{"access_token": "a", "hub_id": {own}}}')

    assert answer.hub_id in (None, 1)


@pytest.mark.parametrize(
    ("retry_after", "date", "seconds"),
    [
        ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:27:20 GMT", 40),
        ("Wed, 21 Oct 2026 09:28:00 +0200", "Wed, 21 Oct 2026 07:27:20 GMT", 40),
        ("Thu, 22 Oct 2027 07:28:00 GMT", "Wed, 21 Oct 2026 07:27:20 GMT", MOST_RETRY_AFTER),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 08:00:00 GMT", 0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "", None),
        ("Wed, 21 Oct 2026 07:28:00", "Wed, 21 Oct 2026 07:27:20 GMT", None),
        ("Wed, 99 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:27:20 GMT", None),
        ("soon", "Wed, 21 Oct 2026 07:27:20 GMT", None),
    ],
)
def test_a_date_in_retry_after_counts_from_the_answers_own_date(
    monkeypatch: pytest.MonkeyPatch, retry_after: str, date: str, seconds: int | None
) -> None:
    headers = {"Retry-After": retry_after, "Date": date}
    monkeypatch.setattr(http_calls, "call", lambda *_, **__: http_calls.Answer(429, headers, b"{}"))
    with pytest.raises(TryLater) as caught:
        a_hubspot().refresh("token", SECRET, 1)

    assert caught.value.retry_after == seconds
