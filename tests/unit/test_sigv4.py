"""What botocore signs, the twin accepts; anything altered afterwards it refuses."""

import time
from collections.abc import Mapping
from dataclasses import replace

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.events import Request
from local.sigv4 import KeyPair, signer_of

PAIR = KeyPair("AKIDEXAMPLE", "a-secret-access-key")
SESSION = KeyPair("ASIAEXAMPLE", "another-secret-access-key", "a-session-token")
KNOWN = {pair.access_key_id: pair for pair in (PAIR, SESSION)}


def signed(
    pair: KeyPair = PAIR, method: str = "GET", target: str = "/accounts/1/token?b=2&a=1%2F3", body: bytes = b""
) -> Request:
    url = f"http://localhost:3000{target}"
    request = AWSRequest(method, url, data=body, headers={"host": "localhost:3000"})
    keys = Credentials(pair.access_key_id, pair.secret_access_key, pair.session_token)
    SigV4Auth(keys, "execute-api", "us-east-1").add_auth(request)
    return Request(method, target, [(name.lower(), value) for name, value in request.headers.items()], body)


def accepted(request: Request, now: float | None = None) -> KeyPair | None:
    return signer_of(request, KNOWN.get, "us-east-1", "execute-api", lambda: now or time.time())


def with_headers(request: Request, changes: Mapping[str, str]) -> Request:
    kept = [(name, value) for name, value in request.headers if name not in changes]
    return replace(request, headers=[*kept, *changes.items()])


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
