"""The contacts, companies and deals of the simulated accounts, over HTTP and behind the scopes of each token."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulator import Running, SimulatorSettings, serve
from simulator.grants import Grant

EVERY = tuple(
    f"crm.objects.{kind}.{right}" for kind in ("contacts", "companies", "deals") for right in ("read", "write")
)
CONTACTS, DATED = "/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts"
ACME, BEISPIEL = 100001, 100002


@pytest.fixture
def hubspot() -> Iterator[Running]:
    with serve(SimulatorSettings(required_scopes=("oauth", *EVERY))) as running:
        yield running


def call(
    hubspot: Running, path: str, body: Any = None, *, hub_id: int = ACME, scopes: tuple[str, ...] = EVERY
) -> tuple[int, Any]:
    """Call with a token of this account and these scopes: GET, or POST if there is a body."""
    simulator = hubspot.simulator
    with simulator.lock:
        client_id = simulator.settings.client_id
        grant = simulator.grants.add(Grant(client_id, hub_id, 9001, scopes))
        token = simulator.access_token(client_id, scopes, grant).value
    answer = requests.request(
        "GET" if body is None else "POST",
        hubspot.url + path,
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("kind", "count", "named"),
    [("contacts", 3, "firstname"), ("companies", 2, "name"), ("deals", 2, "dealname")],
)
def test_every_account_has_records_of_each_kind_under_both_paths(
    hubspot: Running, kind: str, count: int, named: str
) -> None:
    status, listed = call(hubspot, f"/crm/v3/objects/{kind}")

    assert status == 200
    assert len(listed["results"]) == count
    for record in listed["results"]:
        assert record.keys() == {"id", "properties", "createdAt", "updatedAt", "archived"}
        assert record["properties"][named]
        assert record["properties"]["hs_object_id"] == record["id"]
    assert call(hubspot, f"/crm/objects/2026-09/{kind}") == (status, listed)
    assert "paging" not in listed


def test_two_accounts_share_no_id_and_no_address(hubspot: Running) -> None:
    both = [call(hubspot, CONTACTS, hub_id=hub_id)[1]["results"] for hub_id in (ACME, BEISPIEL)]

    ids = [{contact["id"] for contact in contacts} for contacts in both]
    addresses = [{contact["properties"]["email"] for contact in contacts} for contacts in both]
    assert not ids[0] & ids[1]
    assert not addresses[0] & addresses[1]


@pytest.mark.parametrize("path", [CONTACTS, DATED])
def test_each_kind_needs_its_own_scope_to_read_and_another_to_write(hubspot: Running, path: str) -> None:
    reader, writer = ("crm.objects.contacts.read",), ("crm.objects.contacts.write",)
    new = {"properties": {"firstname": "New"}}

    asked = {
        "read by a reader": call(hubspot, path, scopes=reader),
        "written by a reader": call(hubspot, path, new, scopes=reader),
        "read by a writer": call(hubspot, path, scopes=writer),
        "searched by a writer": call(hubspot, f"{path}/search", {}, scopes=writer),
        "written by a writer": call(hubspot, path, new, scopes=writer),
        "companies read by a reader of contacts": call(hubspot, path.replace("contacts", "companies"), scopes=reader),
    }

    assert {what: status for what, (status, _) in asked.items()} == {
        "read by a reader": 200,
        "written by a reader": 403,
        "read by a writer": 403,
        "searched by a writer": 403,
        "written by a writer": 201,
        "companies read by a reader of contacts": 403,
    }
    assert {said["category"] for status, said in asked.values() if status == 403} == {"MISSING_SCOPES"}


def test_pages_follow_each_other_until_the_last(hubspot: Running) -> None:
    seen, path = [], f"{CONTACTS}?limit=2"
    for _ in range(3):
        page = call(hubspot, path)[1]
        seen.append([contact["id"] for contact in page["results"]])
        if "paging" not in page:
            break
        path = f"{CONTACTS}?limit=2&after={page['paging']['next']['after']}"

    assert [len(ids) for ids in seen] == [2, 1]
    assert len({record_id for ids in seen for record_id in ids}) == 3


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=ten", "limit=", "after=x", "limit=" + 5000 * "1"])
def test_a_malformed_page_is_refused(hubspot: Running, query: str) -> None:
    status, said = call(hubspot, f"{CONTACTS}?{query}")

    assert (status, said["category"]) == (400, "VALIDATION_ERROR")


def test_one_record_is_read_by_its_id_or_its_address_with_the_wanted_properties(hubspot: Running) -> None:
    first = call(hubspot, CONTACTS)[1]["results"][0]

    by_id = call(hubspot, f"{CONTACTS}/{first['id']}?properties=email,phone")[1]
    by_address = call(hubspot, f"{CONTACTS}/{first['properties']['email']}?idProperty=email")[1]

    assert by_address == first
    assert by_id["properties"].keys() == {"createdate", "email", "hs_object_id", "lastmodifieddate", "phone"}
    assert by_id["properties"]["phone"] is None


def test_a_record_of_another_account_is_not_found(hubspot: Running) -> None:
    theirs = call(hubspot, CONTACTS, hub_id=BEISPIEL)[1]["results"][0]["id"]

    status, said = call(hubspot, f"{CONTACTS}/{theirs}")

    assert (status, said["category"]) == (404, "OBJECT_NOT_FOUND")


def test_a_created_contact_is_listed_read_and_found(hubspot: Running) -> None:
    status, made = call(hubspot, CONTACTS, {"properties": {"email": "New@Example.com", "firstname": "New", "age": 7}})

    assert (status, made["properties"]["email"], made["properties"]["age"]) == (201, "new@example.com", "7")
    assert call(hubspot, f"{CONTACTS}/{made['id']}")[1]["properties"]["firstname"] == "New"
    assert made["id"] in {contact["id"] for contact in call(hubspot, CONTACTS)[1]["results"]}
    assert call(hubspot, f"{CONTACTS}/search", {"query": "new@example"})[1]["total"] == 1


def test_an_address_is_one_contacts_only(hubspot: Running) -> None:
    new = {"properties": {"email": "new@example.com"}}
    made = call(hubspot, CONTACTS, new)[1]

    status, said = call(hubspot, CONTACTS, {"properties": {"email": "NEW@example.com"}})

    assert (status, said["category"]) == (409, "CONFLICT")
    assert made["id"] in said["message"]
    assert call(hubspot, CONTACTS, new, hub_id=BEISPIEL)[0] == 201


def search(hubspot: Running, kind: str, **asked: Any) -> list[str]:
    status, said = call(hubspot, f"/crm/v3/objects/{kind}/search", asked)
    assert status == 200
    assert said["total"] >= len(said["results"])
    return [record["properties"]["amount"] for record in said["results"]]


@pytest.mark.parametrize(
    ("operator", "amounts"),
    [
        ({"operator": "EQ", "value": "1000"}, ["1000"]),
        ({"operator": "NEQ", "value": "1000"}, ["2000", "10000"]),
        ({"operator": "GT", "value": "1000"}, ["2000", "10000"]),
        ({"operator": "GTE", "value": 2000}, ["2000", "10000"]),
        ({"operator": "LT", "value": "2000"}, ["1000"]),
        ({"operator": "LTE", "value": "2000"}, ["1000", "2000"]),
        ({"operator": "IN", "values": ["1000", "2000"]}, ["1000", "2000"]),
        ({"operator": "NOT_IN", "values": ["1000", "2000"]}, ["10000"]),
        ({"operator": "HAS_PROPERTY"}, ["1000", "2000", "10000"]),
        ({"operator": "NOT_HAS_PROPERTY"}, []),
        ({"operator": "CONTAINS_TOKEN", "value": "10*"}, ["1000", "10000"]),
    ],
    ids=lambda value: value.get("operator") if isinstance(value, dict) else None,
)
def test_a_search_filters_by_each_operator(hubspot: Running, operator: dict[str, Any], amounts: list[str]) -> None:
    call(hubspot, "/crm/v3/objects/deals", {"properties": {"dealname": "Big", "amount": "10000"}})

    found = search(hubspot, "deals", filterGroups=[{"filters": [{"propertyName": "amount", **operator}]}])

    assert found == amounts


def test_filters_of_a_group_must_all_pass_and_of_the_groups_one(hubspot: Running) -> None:
    small = {"propertyName": "amount", "operator": "LT", "value": "1500"}
    big = {"propertyName": "amount", "operator": "GT", "value": "1500"}

    assert search(hubspot, "deals", filterGroups=[{"filters": [small, big]}]) == []
    assert search(hubspot, "deals", filterGroups=[{"filters": [small]}, {"filters": [big]}]) == ["1000", "2000"]


def test_a_search_sorts_numbers_by_value_and_pages(hubspot: Running) -> None:
    call(hubspot, "/crm/v3/objects/deals", {"properties": {"dealname": "Big", "amount": "10000"}})
    backwards = [{"propertyName": "amount", "direction": "DESCENDING"}]

    assert search(hubspot, "deals", sorts=backwards, limit=2) == ["10000", "2000"]
    assert search(hubspot, "deals", sorts=backwards, limit=2, after="2") == ["1000"]


@pytest.mark.parametrize(
    "asked",
    [
        [],
        "text",
        {"filterGroups": {}},
        {"filterGroups": ["text"]},
        {"filterGroups": [{"filters": ["text"]}]},
        {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "LIKE"}]}]},
        {"limit": 201},
        {"sorts": ["createdate"]},
    ],
)
def test_a_malformed_search_is_refused(hubspot: Running, asked: Any) -> None:
    status, said = call(hubspot, f"{CONTACTS}/search", asked)

    assert (status, said["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("asked", [[], {}, {"properties": []}, {"properties": {"email": {}}}])
def test_a_malformed_record_is_refused(hubspot: Running, asked: Any) -> None:
    assert call(hubspot, CONTACTS, asked)[0] == 400


def test_a_kind_that_is_not_simulated_has_no_route(hubspot: Running) -> None:
    assert call(hubspot, "/crm/v3/objects/tickets")[0] == 404


def test_a_reset_forgets_what_was_created(hubspot: Running) -> None:
    call(hubspot, CONTACTS, {"properties": {"firstname": "New"}})

    hubspot.simulator.reset()

    assert len(call(hubspot, CONTACTS)[1]["results"]) == 3
