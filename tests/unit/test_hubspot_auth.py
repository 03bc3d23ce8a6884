"""``HubSpotAuth`` on its own: which hosts get the token, and how a call is repeated.

Without AWS: moto puts itself between requests and the network, and reads bodies on the way.
"""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from hubspot_tokens import Client, HubSpotAuth
from hubspot_tokens.cache import TokenCache
from hubspot_tokens.tokens import Ask, Token
from simulator import Running, SimulatorSettings, serve
from simulator.grants import Grant
from tests.support.simulated_hubspot import data_calls, end_access_token
from tests.support.token_service import Said, serving

HUB_ID = 100001
CONTACTS = "/crm/v3/objects/contacts"
JSON = {"content-type": "application/json"}
SEARCH = b'{"query": "grace"}'
SCOPES = ("crm.objects.contacts.read",)


@pytest.fixture
def hubspot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    with serve(SimulatorSettings()) as running:
        monkeypatch.setenv("HUBSPOT_API_URL", running.url)
        yield running


@pytest.fixture
def client(hubspot: Running) -> Client:
    """A client whose service issues a new token of the account at each request."""
    simulator = hubspot.simulator

    def issue(ask: Ask) -> tuple[Token, float]:
        client_id = simulator.settings.client_id
        with simulator.lock:
            grant = simulator.grants.add(Grant(client_id, ask.hub_id, 9001, SCOPES))
            issued = simulator.access_token(client_id, SCOPES, grant)
        return Token(issued.value, datetime.fromtimestamp(issued.expires_at, UTC), SCOPES, ()), 1800.0

    client = Client("https://unused.example")
    client._cache = TokenCache(issue)
    return client


@pytest.fixture
def calls(client: Client) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = HubSpotAuth(HUB_ID, client)
        yield session


@pytest.fixture
def kill_token(client: Client, hubspot: Running) -> Callable[[], str]:
    """HubSpot stops taking the account's current access token; nobody is told."""

    def kill() -> str:
        token = client.get_access_token(HUB_ID)
        end_access_token(hubspot.simulator, token)
        return token

    return kill


@pytest.mark.parametrize(
    "body",
    [lambda: SEARCH, SEARCH.decode, lambda: io.BytesIO(SEARCH), lambda: beginning_after(b"not part of it")],
    ids=["bytes", "text", "file", "file that was read from"],
)
def test_a_call_with_a_body_is_repeated_whole(
    calls: requests.Session, hubspot: Running, kill_token: Callable[[], str], body: Callable[[], Any]
) -> None:
    kill_token()

    answer = calls.post(f"{hubspot.url}{CONTACTS}/search", data=body(), headers=JSON, timeout=10)

    assert (answer.status_code, answer.json()["total"]) == (200, 1)
    assert data_calls(hubspot.simulator) == [401, 200]


def test_a_body_that_cannot_be_read_again_is_not_repeated_and_the_next_call_has_the_new_token(
    calls: requests.Session, hubspot: Running, kill_token: Callable[[], str]
) -> None:
    kill_token()
    search = f"{hubspot.url}{CONTACTS}/search"

    first = calls.post(search, data=iter([SEARCH]), headers=JSON, timeout=10)
    second = calls.post(search, data=SEARCH, headers=JSON, timeout=10)

    assert (first.status_code, second.status_code) == (401, 200)
    assert data_calls(hubspot.simulator) == [401, 200]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/crm/v3/objects/contacts",
        "http://api.hubapi.com/crm/v3/objects/contacts",
        "https://api.hubapi.com.evil.example/",
        "https://evilhubapi.com/",
        "https://api.hubapi.com@evil.example/",
    ],
)
def test_the_token_goes_to_hubspot_alone(client: Client, url: str) -> None:
    request = requests.Request("GET", url, auth=HubSpotAuth(HUB_ID, client))

    with pytest.raises(ValueError, match="to HubSpot alone"):
        requests.Session().prepare_request(request)


@pytest.mark.parametrize("url", ["https://api.hubapi.com/crm", "https://api-eu1.hubapi.com/crm", "https://hubapi.com/"])
def test_the_token_goes_to_every_host_of_the_api(client: Client, url: str) -> None:
    request = requests.Session().prepare_request(requests.Request("GET", url, auth=HubSpotAuth(HUB_ID, client)))

    assert request.headers["Authorization"].startswith("Bearer ")


def test_a_redirect_to_another_host_gets_no_token_and_its_401_stays(
    calls: requests.Session, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda _: Said(401)) as elsewhere:
        away = Said(302, "", {"location": elsewhere.url.replace("127.0.0.1", "localhost")})
        with serving(lambda _: away) as hubspot:
            monkeypatch.setenv("HUBSPOT_API_URL", hubspot.url)
            answer = calls.get(hubspot.url, timeout=10)

        assert answer.status_code == 401
        assert [("authorization" in asked.headers) for asked in elsewhere.asked] == [False]
    assert [("authorization" in asked.headers) for asked in hubspot.asked] == [True]


def beginning_after(start: bytes) -> io.BytesIO:
    file = io.BytesIO(start + SEARCH)
    file.seek(len(start))
    return file
