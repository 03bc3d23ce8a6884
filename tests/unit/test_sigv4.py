"""What botocore signs, the twin accepts; anything altered afterwards it refuses."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from local.events import Request
from local.sigv4 import KeyPair, signed_headers, signer_of

PAIR = KeyPair("AKIDEXAMPLE", "a-secret-access-key")
SESSION = KeyPair("ASIAEXAMPLE", "another-secret-access-key", "a-session-token")
KNOWN = {pair.access_key_id: pair for pair in (PAIR, SESSION)}


def signed(
    pair: KeyPair = PAIR,
    method: str = "GET",
    target: str = "/accounts/1/token?b=2&a=1%2F3",
    body: bytes = b"",
    headers: Sequence[tuple[str, str]] = (),
) -> Request:
    request = AWSRequest(method, f"http://localhost:3000{target}", data=body)
    for name, value in [("host", "localhost:3000"), *headers]:
        request.headers[name] = value
    SigV4Auth(keys(pair), "execute-api", "us-east-1").add_auth(request)
    return Request(method, target, list(lower_case(request.headers).items()), body)


def lower_case(headers: HTTPHeaders) -> HTTPHeaders:
    lowered = HTTPHeaders()
    for name, value in headers.items():
        lowered[name.lower()] = value
    return lowered


def keys(pair: KeyPair) -> Credentials:
    return Credentials(pair.access_key_id, pair.secret_access_key, pair.session_token)


def accepted(request: Request, now: float | None = None) -> KeyPair | None:
    return signer_of(request, KNOWN.get, "us-east-1", "execute-api", lambda: now or time.time())


def with_headers(request: Request, changes: Mapping[str, str]) -> Request:
    kept = without(request, *changes)
    return replace(kept, headers=[*kept.headers, *changes.items()])


def without(request: Request, *names: str) -> Request:
    return replace(request, headers=[(name, value) for name, value in request.headers if name not in names])


@pytest.mark.parametrize("pair", [PAIR, SESSION], ids=["user", "assumed role"])
@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/accounts", b""),
        ("GET", "/accounts/1/token?b=2&a=1%2F3", b""),
        ("POST", "/install-links", b'{"hub_id": 1}'),
    ],
)
def test_a_request_signed_by_botocore_is_accepted(pair: KeyPair, method: str, target: str, body: bytes) -> None:
    assert accepted(signed(pair, method, target, body)) == pair


@pytest.mark.parametrize(
    "altered",
    [
        replace(signed(), method="DELETE"),
        replace(signed(), target="/accounts/2/token?b=2&a=1%2F3"),
        replace(signed(), target="/accounts/1/token?b=2"),
        replace(signed(), body=b"x"),
        with_headers(signed(), {"host": "elsewhere:3000"}),
        with_headers(signed(), {"x-amz-security-token": "slipped-in"}),
        with_headers(signed(SESSION), {"x-amz-security-token": "another"}),
        with_headers(signed(), {"authorization": ""}),
        with_headers(signed(), {"x-amz-date": "yesterday"}),
        signed(replace(PAIR, secret_access_key="wrong")),
        signed(replace(PAIR, access_key_id="AKIDUNKNOWN")),
    ],
)  # fmt: skip
def test_an_altered_request_is_refused(altered: Request) -> None:
    assert accepted(altered) is None


@pytest.mark.parametrize("seconds", [-302, 301])  # its date is cut to the second
def test_a_signature_counts_for_five_minutes(seconds: int) -> None:
    request = signed()

    assert accepted(request, time.time() + seconds) is None
    assert accepted(request, time.time() + seconds * 0.9) == PAIR


@pytest.mark.parametrize(
    "target",
    [
        "/accounts?a=2&a=1&a=10",
        "/accounts?b=&a&c=1",
        "/accounts?a=1&&b=2",
        "/accounts?a=b+c",
        "/accounts?a=b%20c",
        "/accounts?a=%2f",
        "/accounts?return=https://app.example.com/a:b",
        "/accounts?a=1=2",
        "/accounts/a%2Fb",
        "/accounts/a%20b",
        "/accounts/a%3Fb",
        "/accounts/%E2%82%AC~",
        "/accounts/",
        "/accounts//1",
        "/accounts/./1",
        "/accounts/../1",
    ],
)
def test_botocores_form_of_a_target_is_accepted(target: str) -> None:
    assert accepted(signed(target=target)) == PAIR


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Type", "application/json")],
        [("CONTENT-TYPE", "application/json"), ("Accept", "*/*")],
        [("x-note", "  folded \t white   space ")],
        [("x-note", " one "), ("x-note", "  two")],
        [("x-note", "")],
        [("User-Agent", "not signed")],
        [("X-Amz-Content-SHA256", hashlib.sha256(b"{}").hexdigest())],
    ],
)
def test_botocores_form_of_headers_is_accepted(headers: Sequence[tuple[str, str]]) -> None:
    assert accepted(signed(method="POST", body=b"{}", headers=headers)) == PAIR


def test_white_space_folded_on_the_way_is_accepted() -> None:
    request = signed(headers=[("x-note", "white   space")])

    assert accepted(with_headers(request, {"x-note": "white space"})) == PAIR


@pytest.mark.parametrize(
    "altered",
    [
        with_headers(signed(headers=[("content-type", "text/plain")]), {"content-type": "application/json"}),
        with_headers(signed(), {"x-amz-content-sha256": hashlib.sha256(b"").hexdigest()}),
        replace(signed(), target="/accounts/1/token?b=2&a=1/3"),
        replace(signed(), target="/accounts/1%2Ftoken?b=2&a=1%2F3"),
        replace(signed(), target="/accounts/1/token?b=2&a=1%2F3&a=1%2F3"),
        replace(signed(target="/accounts"), target="/accounts#fragment"),
        replace(signed(target="/"), target="%2Faccounts"),
        replace(signed(target="/"), target="@elsewhere/"),
        without(signed(), "host"),
        without(signed(headers=[("x-note", "")]), "x-note"),
        signed(method="POST", body=b"{}", headers=[("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")]),
        signed(method="POST", body=b"{}", headers=[("X-Amz-Content-SHA256", hashlib.sha256(b"").hexdigest())]),
    ],
)  # fmt: skip
def test_what_the_signature_does_not_cover_is_refused(altered: Request) -> None:
    assert accepted(altered) is None


def test_a_presigned_url_is_refused() -> None:
    request = AWSRequest("GET", "http://localhost:3000/accounts", headers={"host": "localhost:3000"})
    SigV4QueryAuth(keys(PAIR), "execute-api", "us-east-1", expires=60).add_auth(request)
    target = str(request.url).removeprefix("http://localhost:3000")

    assert "X-Amz-Signature" in target
    assert accepted(Request("GET", target, [("host", "localhost:3000")])) is None


@pytest.mark.parametrize("order", ["x-amz-date;host", "host;host;x-amz-date", "host;x-amz-date;x-absent"])
def test_signed_headers_are_named_in_order_and_are_there(order: str) -> None:
    request = signed()
    authorization = (request.header("authorization") or "").replace("host;x-amz-date", order)

    assert accepted(with_headers(request, {"authorization": authorization})) is None


def signed_over(*names: str) -> Request:
    """A request signed over these of its headers, which another signer may choose."""
    signer = SigV4Auth(keys(PAIR), "execute-api", "us-east-1")
    signer.headers_to_sign = lambda request: chosen(request.headers, names)  # type: ignore[method-assign]
    request = AWSRequest("GET", "http://localhost:3000/", headers={"host": "localhost:3000", "user-agent": "java"})
    signer.add_auth(request)
    assert f"SignedHeaders={';'.join(names)}" in request.headers["authorization"]
    return Request("GET", "/", list(lower_case(request.headers).items()))


def chosen(headers: HTTPHeaders, names: Sequence[str]) -> HTTPHeaders:
    lowered = lower_case(headers)
    for name in set(lowered) - set(names):
        del lowered[name]
    return lowered


def test_a_header_that_only_other_signers_sign_is_covered() -> None:
    request = signed_over("host", "user-agent", "x-amz-date")

    assert accepted(request) == PAIR
    assert accepted(with_headers(request, {"user-agent": "curl"})) is None


@pytest.mark.parametrize("names", [["x-amz-date"], ["host"]])
def test_the_host_and_the_date_must_be_signed(names: Sequence[str]) -> None:
    assert accepted(signed_over(*names)) is None


@pytest.mark.parametrize("pair", [PAIR, SESSION], ids=["user", "assumed role"])
def test_signed_headers_sign_what_is_accepted(pair: KeyPair) -> None:
    request = Request("POST", "/a%2Fb?c=d", [("host", "localhost:3000"), ("content-type", "text/plain")], b"body")

    headers = signed_headers(request, pair, "us-east-1", "execute-api")

    sent = replace(request, headers=[(name.lower(), value) for name, value in headers.items()])
    assert accepted(sent) == pair
    assert sent.header("content-type") == "text/plain"
