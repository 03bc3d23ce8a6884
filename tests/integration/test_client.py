"""The client in front of the product, its tokens used against a HubSpot that speaks HTTP."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import botocore.session
import pytest
import requests

from hubspot_oauth.domain.tokens import Tokens
from hubspot_tokens import Client, HubSpotAuth, ReinstallRequired, ScopesMissing, TokenError, Unavailable
from simulator import Running
from simulator.faults import parse_fault
from tests.support.product_visitor import ProductVisitor
from tests.support.served_api import served
from tests.support.simulated_hubspot import data_calls, end_access_token, token_calls
from tests.support.stack import Stack
from tests.support.token_service import TokenService

HUB_ID = 100001
CONTACTS = "/crm/v3/objects/contacts"


@pytest.fixture
def api(installed: Stack, hubspot: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenService]:
    """The token route of a product that has one account, whose token is a minute old."""
    monkeypatch.setenv("HUBSPOT_API_URL", hubspot.url)
    installed.sleep(61)
    with served(installed) as service:
        yield service


@pytest.fixture
def client(api: TokenService) -> Client:
    session = botocore.session.get_session()
    session.set_credentials("AKIDEXAMPLE", "a-secret-key")
    return Client(api.url, session, "eu-west-1")


@pytest.fixture
def calls(client: Client) -> Iterator[requests.Session]:
    """A session whose calls carry the account's token."""
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


def test_a_contacts_name_is_one_call_away(calls: requests.Session, hubspot: Running) -> None:
    answer = calls.get(hubspot.url + CONTACTS, params={"limit": 1}, timeout=10)

    assert answer.json()["results"][0]["properties"]["firstname"] == "Grace"


def test_two_calls_cost_one_request_to_the_service(
    calls: requests.Session, hubspot: Running, api: TokenService
) -> None:
    for _ in range(2):
        assert calls.get(hubspot.url + CONTACTS, timeout=10).ok

    assert len(api.asked) == 1


def test_a_token_that_died_behind_our_back_is_replaced_once_and_the_call_succeeds(
    calls: requests.Session, hubspot: Running, kill_token: Callable[[], str], client: Client
) -> None:
    dead = kill_token()

    answer = calls.get(hubspot.url + CONTACTS, timeout=10)

    assert answer.status_code == 200
    assert [past.status_code for past in answer.history] == [401]
    assert data_calls(hubspot.simulator) == [401, 200]
    assert token_calls(hubspot.simulator, "refresh_token") == 1
    assert client.get_access_token(HUB_ID) != dead


def test_fifty_threads_whose_token_died_cost_one_refresh(
    client: Client, hubspot: Running, kill_token: Callable[[], str]
) -> None:
    kill_token()

    def call(_: int) -> int:
        return requests.get(hubspot.url + CONTACTS, auth=HubSpotAuth(HUB_ID, client), timeout=30).status_code

    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(call, range(50)))

    assert set(statuses) == {200}
    assert token_calls(hubspot.simulator, "refresh_token") == 1


def test_a_hubspot_that_takes_no_token_is_asked_twice_and_no_more(calls: requests.Session, hubspot: Running) -> None:
    hubspot.simulator.faults.add(parse_fault({"kind": "status", "status": 401, "endpoint": "crm"}))

    answer = calls.get(hubspot.url + CONTACTS, timeout=10)

    assert answer.status_code == 401
    assert len(data_calls(hubspot.simulator)) == 2


def test_a_token_issued_moments_ago_is_not_replaced_and_the_401_comes_back(
    calls: requests.Session, hubspot: Running, kill_token: Callable[[], str]
) -> None:
    kill_token()
    calls.get(hubspot.url + CONTACTS, timeout=10)
    kill_token()

    answer = calls.get(hubspot.url + CONTACTS, timeout=10)

    assert answer.status_code == 401
    assert token_calls(hubspot.simulator, "refresh_token") == 1


def test_a_dead_grant_is_one_clear_error_with_the_link_and_no_storm(
    client: Client, installed: Stack, hubspot: Running, api: TokenService
) -> None:
    hubspot.simulator.grants.uninstall(hubspot.simulator.settings.client_id, HUB_ID)
    installed.dynamodb.update_item(
        TableName="AccountsTable",
        Key={"hub_id": {"N": str(HUB_ID)}, "holder": {"S": "account"}},
        UpdateExpression="SET #status = :dead REMOVE refresh_at, refresh_shard",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":dead": {"S": "needs_reinstall"}},
    )

    def call(_: int) -> TokenError:
        with pytest.raises(ReinstallRequired) as caught:
            requests.get(hubspot.url + CONTACTS, auth=HubSpotAuth(HUB_ID, client), timeout=30)
        return caught.value

    with ThreadPoolExecutor(20) as pool:
        errors = list(pool.map(call, range(20)))

    assert {error.install_url for error in errors if isinstance(error, ReinstallRequired)} == {
        f"http://localhost:3000/install?hub_id={HUB_ID}"
    }
    assert data_calls(hubspot.simulator) == []
    assert token_calls(hubspot.simulator, "refresh_token") == 0


def test_a_rejected_token_while_hubspot_is_away_is_unavailable(
    calls: requests.Session, hubspot: Running, kill_token: Callable[[], str]
) -> None:
    kill_token()
    hubspot.simulator.faults.add(parse_fault({"kind": "status", "status": 503, "grant_type": "refresh_token"}))

    with pytest.raises(Unavailable) as caught:
        calls.get(hubspot.url + CONTACTS, timeout=10)

    assert caught.value.code == "hubspot_unavailable"


def test_a_scope_that_the_account_lacks_is_an_error_before_the_call(
    client: Client, installed: Stack, hubspot: Running
) -> None:
    installed.store(7, Tokens("access", "refresh"), scopes=("oauth", "crm.objects.contacts.read"))
    auth = HubSpotAuth(7, client, scopes=["tickets", "crm.objects.contacts.read"])

    with pytest.raises(ScopesMissing) as caught:
        requests.get(hubspot.url + CONTACTS, auth=auth, timeout=10)

    assert caught.value.missing_scopes == ("tickets",)
    assert data_calls(hubspot.simulator) == []


def test_two_accounts_use_one_session_each_with_its_own_token(
    client: Client, installed: Stack, hubspot: Running, visitor: ProductVisitor
) -> None:
    visitor.walk(hub_id=100002)

    names = [
        requests.get(hubspot.url + CONTACTS, auth=HubSpotAuth(hub_id, client), timeout=10).json()["results"][0]["id"]
        for hub_id in (HUB_ID, 100002)
    ]

    assert names == ["100001001", "100002001"]
