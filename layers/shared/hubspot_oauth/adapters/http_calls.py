"""Makes HTTP calls to HubSpot, limited in total time and size, without retries and redirects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Literal

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.exceptions import HTTPError

from hubspot_oauth.adapters.call_deadline import Watch, within
from hubspot_oauth.adapters.watched_connections import WatchedHTTP, WatchedHTTPS

CONNECT_SECONDS = 2
MOST_BYTES = 128 * 1024  # an answer of this size, sealed and base64-encoded, fits a queue message and a row


class NoAnswer(Exception):
    """The call ended without a complete answer; ``str()`` is one word that says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = WatchedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = WatchedHTTPS


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:  # noqa: ANN401
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


class _Session(requests.Session):
    """Ignores redirects. With ``allow_redirects=False`` alone, requests would still read a redirect's whole body."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - the same for every answer
        return None


def session(pool: int) -> requests.Session:
    """A session that never retries, ignores redirects, keeps no cookies and ignores the environment's proxies."""
    made = _Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter(pool_connections=2, pool_maxsize=pool, max_retries=0))
    return made


def call(
    client: requests.Session,
    method: Literal["POST", "DELETE"],
    url: str,
    seconds: float,
    *,
    form: Mapping[str, str] | None = None,
    bearer: str | None = None,
) -> Answer:
    """Make one call, with a form or a bearer token. Its complete answer must arrive within ``seconds``.

    Raises:
        NoAnswer: ``timeout``, ``too_large``, or the exception's class name. HubSpot may have done the work.
    """
    timeout = (min(CONNECT_SECONDS, seconds), seconds)
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    with within(seconds) as watch:
        try:
            with client.request(
                method, url, data=form, headers=headers, timeout=timeout, allow_redirects=False, stream=True
            ) as response:
                body = _read(response)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise NoAnswer("timeout" if _is_timeout(error, watch) else type(error).__name__) from None
        if watch.expired:
            raise NoAnswer("timeout")
        return Answer(response.status_code, response.headers, body)


def _read(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(16 * 1024):
        body += chunk
        if len(body) > MOST_BYTES:
            raise NoAnswer("too_large")
    return bytes(body)


def _is_timeout(error: Exception, watch: Watch) -> bool:
    return watch.expired or isinstance(error, requests.Timeout)
