"""AWS Signature Version 4: signing a call to the emulation, and checking one that reaches the API."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from local.events import Request

ALGORITHM = "AWS4-HMAC-SHA256"
WINDOW_SECONDS = 300
_AUTHORIZATION = re.compile(
    ALGORITHM + r" Credential=(?P<key>[^/,\s]+)/(?P<scope>[^,\s]+),\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An access key."""

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
    """The key that validly signed this request, or None.

    `find` gives the key pair of an access key id, if it is known; `now` epoch seconds. A signature counts for five
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
    body_hash = hashlib.sha256(request.body).hexdigest()
    if request.header("x-amz-content-sha256") not in (None, body_hash):
        return None
    expected = signature(request, given["headers"], body_hash, stamp, given["scope"], pair.secret_access_key)
    return pair if hmac.compare_digest(expected, given["signature"]) else None


def signature(request: Request, signed: str, body_hash: str, stamp: str, scope: str, secret: str) -> str:
    """The signature of a request over the headers named in `signed`."""
    canonical = "\n".join(
        [
            request.method,
            quote(request.raw_path or "/", safe="/~"),
            _canonical_query(request.query),
            *(f"{name}:{' '.join((request.header(name) or '').split())}" for name in signed.split(";")),
            "",
            signed,
            body_hash,
        ]
    )
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def signed_headers(request: Request, pair: KeyPair, region: str, service: str, now: float) -> Mapping[str, str]:
    """The headers that sign a request which carries a host header."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    dated = Request(request.method, request.target, [*request.headers, ("x-amz-date", stamp)], request.body)
    signed = "host;x-amz-date"
    body_hash = hashlib.sha256(request.body).hexdigest()
    made = signature(dated, signed, body_hash, stamp, scope, pair.secret_access_key)
    credential = f"{pair.access_key_id}/{scope}"
    return {
        "x-amz-date": stamp,
        "authorization": f"{ALGORITHM} Credential={credential}, SignedHeaders={signed}, Signature={made}",
    }


def _timely(stamp: str, now: float) -> bool:
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(now - signed_at.timestamp()) <= WINDOW_SECONDS


def _covers(signed: str, request: Request) -> bool:
    """Whether host and every x-amz header that came along are signed: none may be slipped in afterwards."""
    names = signed.split(";")
    return "host" in names and all(name in names for name, _ in request.headers if name.startswith("x-amz-"))


def _canonical_query(query: str) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    return "&".join(f"{name}={value}" for name, value in pairs)
