"""docs/storage.md: each attribute that is stored, each field of a message, and no other.

The truth is what the product sends: its own parts run here against a client that records their requests.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hubspot_oauth.adapters.account_rows import account_from
from hubspot_oauth.adapters.accounts_index import Question
from hubspot_oauth.adapters.accounts_table import AlreadyLinked
from hubspot_oauth.adapters.dynamodb import plain, typed
from hubspot_oauth.adapters.refresh_queue import Batch
from hubspot_oauth.adapters.rescue_queue import to_message
from hubspot_oauth.domain.account import Account, Binding, Failure, FirstRefusal, GrantKey, NewInstall, Renewal
from hubspot_oauth.domain.errors import Fault
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.install.attempt import INSTALLED, Attempt
from hubspot_oauth.install.spent_codes import KEEP_SECONDS
from hubspot_oauth.product import Product
from hubspot_oauth.refresh.breaker_state import BreakerState, Evidence, Reason
from local.console import SEEN
from ops.template import load_template
from tests.support.stack import ENVIRONMENT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "storage.md").read_text(encoding="utf-8")
TEMPLATE = load_template()["Resources"]
TABLES = {"account": "AccountsTable", "attempt": "ScratchTable", "code": "ScratchTable", "breaker": "ScratchTable"}
HEADINGS = {"account": "Accounts", "attempt": "Attempt", "code": "Spent code", "breaker": "Breaker"}

NOW = 1_800_000_000
LATER = NOW + 10_000  # no lease taken at NOW is live any more
KEY = GrantKey.of_account(1)
GRANT: dict[str, Any] = {
    "key": KEY,
    "install_id": "install",
    "sealed": b"sealed",
    "scopes": ("oauth", "tickets"),
    "issued_at": NOW,
    "expires_at": NOW + 1800,
    "refresh_at": NOW + 1200,
}
NEW = NewInstall(
    **GRANT, binding=Binding.BOUND, exchanged_at_ms=NOW * 1000, client_reference_id="customer", hub_domain="a.example"
)
RENEWAL = Renewal(**GRANT, version=1)
ATTEMPT = Attempt("nonce", "browser", NOW, return_to="https://app.example.com", caller_state="theirs", wanted_hub_id=1)
ENDED = replace(ATTEMPT, outcome=INSTALLED, hub_id=1, hub_domain="acme.example", missing_scopes=("tickets",))
Calls = dict[str, Callable[[Any], object]]
CODE_CALLS: Calls = {
    "find": lambda codes: codes.find("nonce"),
    "spend": lambda codes: codes.spend(ATTEMPT, "code"),
    "finish": lambda codes: codes.finish(ENDED),
}
BREAKER_CALLS: Calls = {
    "state": lambda breaker: breaker.state(),
    "tell": lambda breaker: [breaker.tell(evidence, 1, NOW) for evidence in Evidence],
    "succeeded": lambda breaker: breaker.succeeded(LATER, "v1"),
    "bring_in_successes": lambda breaker: (breaker.succeeded(LATER, "v1"), breaker.bring_in_successes()),
    "rechecked": lambda breaker: breaker.rechecked(NOW),
}
INDEX_CALLS: Calls = {
    "due": lambda index: list(index.due(0, NOW)),
    "marked_since": lambda index: list(index.marked_since(NOW)),
    "page": lambda index: [
        index.page(Question(1)),
        index.page(Question(1, status="active")),
        index.page(Question(1, client_reference_id="customer")),
    ],
}


def account_calls(account: Account | None = None, owner: str = "owner", now: int = NOW) -> Calls:
    """By method; without an account for those that need none."""
    return {
        "get": lambda accounts: accounts.get(KEY),
        "install": lambda accounts: accounts.install(NEW, now),
        "adopt": lambda accounts: accounts.adopt(NEW, now),
        "lease_due": lambda accounts: accounts.lease_due(KEY, owner, now),
        "lease_seen": lambda accounts: accounts.lease_seen(account, owner, now),
        "commit": lambda accounts: accounts.commit(RENEWAL),
        "try_later": lambda accounts: accounts.try_later(
            account, now, Failure(now, "timeout", Fault.AWS, FirstRefusal(now, "v1"))
        ),
        "let_go": lambda accounts: accounts.let_go(account, Failure(now, "ThrottlingException")),
        "mark_dead": lambda accounts: [
            accounts.mark_dead(account, Failure(now, "BAD_HUB"), again_at, proved=True) for again_at in (now, None)
        ],
        "begin_disconnect": lambda accounts: accounts.begin_disconnect(KEY, now),
        "forget": lambda accounts: accounts.forget(account),
        "recheck": lambda accounts: accounts.recheck(KEY, now),
    }


class Recorder:
    """A DynamoDB client that keeps each request. Every read finds `item`; the first `failing` conditions fail."""

    def __init__(self, item: Mapping[str, Any], failing: int) -> None:
        self.item = typed(item)
        self.failing = failing
        self.requests: list[dict[str, Any]] = []

    def get_item(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        return {"Item": self.item} if self.item else {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        self.failing -= "ConditionExpression" in request
        if self.failing >= 0 and "ConditionExpression" in request:
            refused: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": self.item}
            raise ClientError(refused, "UpdateItem")
        return {"Attributes": self.item}

    def transact_write_items(self, **request: Any) -> None:
        self.requests += [item["Put"] for item in request["TransactItems"]]

    def delete_item(self, **request: Any) -> None:
        self.requests.append(request)

    def query(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        return {"Items": []}

    scan = query

    def get_paginator(self, _: str) -> "Recorder":
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        return [self.query(**request)]


def sent(part: str, calls: Calls, *items: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(method, request) of every call, over each of the items, with none to all of its updates refused."""
    for name, call in calls.items():
        for item, failing in [(item, failing) for item in items for failing in range(4)]:
            client = Recorder(item, failing)
            with suppress(AlreadyLinked):
                call(getattr(product_of(client), part))
            yield from ((name, request) for request in client.requests)


def product_of(client: Recorder) -> Product:
    settings = Settings.from_env(ENVIRONMENT)
    return Product(settings, client=lambda *_, **__: client, clock=lambda: LATER, report=lambda *_, **__: None)


@dataclass
class Written:
    """What the requests do to one kind of item: who sets and removes which attribute, and the types of values."""

    set_by: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    removed_by: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    types: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    asked_for: set[str] = field(default_factory=set)
    item: dict[str, Any] = field(default_factory=dict)  # one that has every attribute

    def take(self, method: str, request: Mapping[str, Any]) -> None:
        asked = " ".join(str(content) for name, content in request.items() if name in ASKING)
        self.asked_for |= names_in(asked, request)
        for name, value in request.get("Key", {}).items():
            self._keep(name, value)
        for name, value in request.get("Item", {}).items():
            self.set_by[name].add(method)
            self._keep(name, value)
        for verb, clause in CLAUSE.findall(request.get("UpdateExpression", "")):
            if verb == "REMOVE":
                for name in names_in(clause, request):
                    self.removed_by[name].add(method)
            for left, right in (ADDED if verb == "ADD" else ASSIGNED).findall(clause if verb != "REMOVE" else ""):
                (name,) = names_in(left, request)
                self.set_by[name].add(method)
                self.asked_for |= names_in(right, request)
                self._keep(name, self._value(right, request))

    def _value(self, right: str, request: Mapping[str, Any]) -> Any:
        values = re.findall(r":\w+", right)
        if values:
            return request["ExpressionAttributeValues"][values[-1]]
        return self.item[max(names_in(right, request) & set(self.item))]

    def _keep(self, name: str, value: dict[str, Any]) -> None:
        self.types[name] |= set(value)
        if name not in self.item or plain({name: value})[name]:  # rather no zero
            self.item[name] = value


ASKING = ("ConditionExpression", "KeyConditionExpression", "ProjectionExpression")
CLAUSE = re.compile(r"\b(SET|ADD|REMOVE) (.+?)(?= SET | ADD | REMOVE |$)")
ASSIGNED = re.compile(r"(#?\w+) = (.+?)(?=, #?\w+ = |$)")
ADDED = re.compile(r"(\w+) (:\w+)")
NAME = re.compile(r"(?<![:\w])#?[a-z]\w*\b(?!\()")  # neither a value nor a function nor AND and OR


def names_in(expression: str, request: Mapping[str, Any]) -> set[str]:
    known = request.get("ExpressionAttributeNames", {})
    return {known.get(name, name) for name in NAME.findall(expression)}


@cache
def written() -> dict[str, Written]:
    """By kind of item."""
    kinds: dict[str, Written] = defaultdict(Written)
    for method, request in requests():
        key = plain(request.get("Key") or request.get("Item") or {})
        kinds[key["pk"].partition("#")[0] if "pk" in key else "account"].take(method, request)
    return dict(kinds)


def requests() -> Iterator[tuple[str, dict[str, Any]]]:
    row = row_after("install", {})
    leased = row_after("lease_due", row)
    run = {"unlisted_at": NOW, "refused_since": NOW}
    opened = [{"opened_by": reason, **run} for reason in Reason]
    yield from sent("accounts", account_calls(account_from(leased), "another owner", LATER), row, leased)
    yield from sent("accounts_index", INDEX_CALLS, row)
    yield from sent("spent_codes", CODE_CALLS, {})
    yield from sent("breaker", BREAKER_CALLS, {}, run, *opened)


def row_after(method: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """The row that one write of AccountsTable leaves."""
    client, made = Recorder(before, 0), Written()
    account_calls()[method](product_of(client).accounts)
    for request in client.requests:
        made.take(method, request)
    return {**before, **plain(made.item)}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    section = re.split(rf"^##+ {heading}$", PAGE, maxsplit=1, flags=re.MULTILINE)[1]
    lines = [line for line in re.split(r"^##+ ", section, flags=re.MULTILINE)[0].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def keys_of(table: str) -> list[str]:
    return [key["AttributeName"] for key in TEMPLATE[table]["Properties"]["KeySchema"]]


@pytest.mark.parametrize("kind", HEADINGS)
def test_every_stored_attribute_stands_on_the_page_with_its_type_and_no_other(kind: str) -> None:
    documented = {named(name)[0]: {type_} for name, type_, *_ in rows(HEADINGS[kind])}

    assert documented == written()[kind].types


@pytest.mark.parametrize("kind", HEADINGS)
def test_the_page_says_which_methods_set_and_remove_an_attribute(kind: str) -> None:
    what = written()[kind]
    key = keys_of(TABLES[kind])
    documented = {named(row[0])[0]: (set(named(row[2])), set(named(row[3]))) for row in rows(HEADINGS[kind])}

    assert documented == {
        name: (set() if name in key else what.set_by[name], what.removed_by[name]) for name in what.types
    }


@pytest.mark.parametrize("kind", HEADINGS)
def test_what_a_request_removes_or_asks_for_is_set_somewhere(kind: str) -> None:
    what = written()[kind]

    assert set(what.removed_by) | what.asked_for <= set(what.types)


@pytest.mark.parametrize(
    ("kind", "read"), [("account", account_from), ("attempt", Attempt.of), ("breaker", BreakerState.of)]
)
def test_every_field_that_is_read_from_an_item_is_written(kind: str, read: Callable[[Mapping[str, Any]], Any]) -> None:
    found = read(plain(written()[kind].item))

    assert [field.name for field in fields(found) if getattr(found, field.name) == field.default] == []


def test_the_twins_console_reads_attributes_that_are_stored_and_shows_no_other() -> None:
    script = (ROOT / "local" / "templates" / "console.js").read_text(encoding="utf-8")

    assert set(SEEN) <= set(written()["account"].types)
    assert set(re.findall(r"\baccount\.(\w+)", script)) <= set(SEEN)


@pytest.mark.parametrize(
    ("part", "calls"),
    [
        ("accounts", account_calls()),
        ("accounts_index", INDEX_CALLS),
        ("spent_codes", CODE_CALLS),
        ("breaker", BREAKER_CALLS),
    ],
)
def test_every_method_is_called_here(part: str, calls: Calls) -> None:
    kind = type(getattr(product_of(Recorder({}, 0)), part))

    assert {name for name, value in vars(kind).items() if callable(value) and not name.startswith("_")} == set(calls)


@pytest.mark.parametrize(
    ("heading", "body"),
    [
        (
            "Refresh queue",
            Batch((KEY, GrantKey.of_account(2)), write_successes=True, queued_at=0.5, tick="tick").body(),
        ),
        ("Rescue queue", to_message(RENEWAL)),
    ],
)
def test_every_field_of_a_message_stands_on_the_page_with_its_type_and_no_other(heading: str, body: str) -> None:
    documented = {(named(name)[0], type_) for name, type_, _ in rows(heading)}

    assert documented == set(fields_of(json.loads(body)))


def fields_of(content: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(content, dict):
        for name, value in content.items():
            yield from fields_of(value, f"{path}.{name}".lstrip("."))
    elif isinstance(content, list):
        for value in content:
            yield from fields_of(value, f"{path}[]")
    else:
        yield path, {str: "text", bool: "boolean"}.get(type(content), "number")


@pytest.mark.parametrize("kind", HEADINGS)
def test_the_templates_attributes_are_those_that_the_product_writes(kind: str) -> None:
    declared = TEMPLATE[TABLES[kind]]["Properties"]["AttributeDefinitions"]
    types = written()[kind].types

    assert {d["AttributeName"]: {d["AttributeType"]} for d in declared}.items() <= types.items()
    assert set(keys_of(TABLES[kind])) <= set(types)


@pytest.mark.parametrize("kind", ["attempt", "code"])
def test_dynamodb_deletes_by_an_attribute_that_the_product_writes(kind: str) -> None:
    expiry = TEMPLATE["ScratchTable"]["Properties"]["TimeToLiveSpecification"]["AttributeName"]

    assert plain(written()[kind].item)[expiry] == NOW + KEEP_SECONDS


def test_the_indexes_stand_on_the_page_with_their_keys_and_no_other() -> None:
    indexes = TEMPLATE["AccountsTable"]["Properties"]["GlobalSecondaryIndexes"]
    declared = {i["IndexName"]: [key["AttributeName"] for key in i["KeySchema"]] for i in indexes}

    assert {named(name)[0]: named(keys) for name, keys, _ in rows("Indexes")} == declared


def test_an_index_is_asked_by_its_own_keys() -> None:
    declared = {named(name)[0]: set(named(keys)) for name, keys, _ in rows("Indexes")}
    asked = [request for _, request in sent("accounts_index", INDEX_CALLS, {}) if "IndexName" in request]

    assert {request["IndexName"] for request in asked} == set(declared)
    assert all(names_in(r["KeyConditionExpression"], r) <= declared[r["IndexName"]] for r in asked)


def test_the_page_says_how_long_each_table_and_queue_keeps_what_it_holds() -> None:
    stores = {n: r for n, r in TEMPLATE.items() if r["Type"] in ("AWS::DynamoDB::Table", "AWS::SQS::Queue")}
    documented = {named(row[0])[0]: row[2:] for row in rows("Retention")}

    assert set(documented) == set(stores)
    for name, (kept, with_the_stack_deleted) in documented.items():
        assert all(word in kept for word in kept_for(stores[name]["Properties"])), name
        assert (with_the_stack_deleted == "kept") == (stores[name].get("DeletionPolicy") == "Retain"), name


def kept_for(properties: Mapping[str, Any]) -> Iterator[str]:
    """What the page must say of a table or queue."""
    if "MessageRetentionPeriod" in properties:
        seconds = int(properties["MessageRetentionPeriod"])
        yield f"{seconds // 86400} days" if seconds >= 86400 else f"{seconds // 60} minutes"
    if "RedrivePolicy" in properties:
        yield f"{properties['RedrivePolicy']['maxReceiveCount']} receives"
    if "AttributeDefinitions" in properties:
        recovers = properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
        yield "point-in-time recovery" if recovers else "no backup"
    if "TimeToLiveSpecification" in properties:
        yield f"`{properties['TimeToLiveSpecification']['AttributeName']}`"
        yield f"{KEEP_SECONDS // 3600} hours"
