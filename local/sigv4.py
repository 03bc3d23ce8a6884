"""AWS Signature Version 4: signing a call to the emulator, and checking one that reaches the API.

Both sides use botocore's canonical form, so the twin accepts what botocore signs. AWS is more lenient in one
place: it also accepts a signature over a query string that was re-encoded before signing.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from local.events import Request

ALGORITHM = "AWS4-HMAC-SHA256"
WINDOW_SECONDS = 300
#: A request's target is appended to it. The host that is signed comes from the host header instead.
_ORIGIN = "http://twin"
_AUTHORIZATION = re.compile(
    ALGORITHM + r" Credential=(?P<key>[^/,\s]+)/(?P<scope>[^,\s]+),\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An access key. Only an assumed role's has a `session_token`."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def signer_of(
    request: Request,
    find: Callable[[str], KeyPair | None],
    region: str,
    service: str,
    now: Callable[[], float] = time.time,
) -> KeyPair | None:
    """Return the key that signed this request, or None if the signature is not valid.

    `find` returns the key pair of a known access key id; `now` is in epoch seconds. A signature counts for five
    minutes before and after its date.
    """
    given = _AUTHORIZATION.fullmatch(request.header("authorization") or "")
    stamp = request.header("x-amz-date") or ""
    if given is None or not _timely(stamp, now()):
        return None
    if given["scope"] != f"{stamp[:8]}/{region}/{service}/aws4_request" or not _covers(given["headers"], request):
        return None
    pair = find(given["key"])
    if pair is None or (request.header("x-amz-security-token") or None) != pair.session_token:
        return None
    if request.header("x-amz-content-sha256") not in (None, hashlib.sha256(request.body).hexdigest()):
        return None
    expected = _signature(request, given["headers"].split(";"), stamp, _NamedHeaders(_keys(pair), service, region))
    return pair if hmac.compare_digest(expected, given["signature"]) else None


def signed_headers(request: Request, pair: KeyPair, region: str, service: str) -> Mapping[str, str]:
    """Return the request's headers, which must include host, and those of a signature made now."""
    prepared = _prepared(request)
    SigV4Auth(_keys(pair), service, region).add_auth(prepared)
    return dict(prepared.headers.items())


class _NamedHeaders(SigV4Auth):
    """Signs every header of the request: botocore leaves out some that another signer may have signed."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        return request.headers


def _signature(request: Request, names: list[str], stamp: str, signer: SigV4Auth) -> str:
    named = Request(
        request.method, request.target, [pair for pair in request.headers if pair[0] in names], request.body
    )
    prepared = _prepared(named)
    prepared.context["timestamp"] = stamp
    return signer.signature(signer.string_to_sign(prepared, signer.canonical_request(prepared)), prepared)


def _prepared(request: Request) -> AWSRequest:
    prepared = AWSRequest(request.method, _ORIGIN + request.target, data=request.body)
    for name, value in request.headers:
        prepared.headers[name] = value  # adds: a repeated header is signed with all its values
    return prepared


def _keys(pair: KeyPair) -> Credentials:
    return Credentials(pair.access_key_id, pair.secret_access_key, pair.session_token)


def _timely(stamp: str, now: float) -> bool:
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(now - signed_at.timestamp()) <= WINDOW_SECONDS


def _covers(signed: str, request: Request) -> bool:
    """Whether the signature covers the whole target, the host and every x-amz header, and names only what is there.

    botocore splits a URL: a target without its slash would become part of the host, and a fragment would be dropped.
    """
    names = signed.split(";")
    present = {name for name, _ in request.headers}
    return (
        request.target.startswith("/")
        and "#" not in request.target
        and names == sorted(present.intersection(names))
        and "host" in names
        and all(name in names for name in present if name.startswith("x-amz-"))
    )
