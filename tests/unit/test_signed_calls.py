"""Signed calls: who is let in, what a caller gets when something fails, and the line that says who called."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from hubspot_oauth.adapters import telemetry
from hubspot_oauth.adapters.api_gateway import Query, Response, json_answer
from hubspot_oauth.api.signed_calls import SignedCalls
from hubspot_oauth.domain.api_errors import AccountNotFound, NeedsReinstall, Problem, TokensUnreadable, VaultUnavailable
from hubspot_oauth.domain.settings import Settings
from tests.support.deployed_site import Listening
from tests.support.lambda_events import CALLER, signed_event, token_event
from tests.support.stack import ENVIRONMENT

EVENT = token_event(7)
SETTINGS = Settings.from_env(ENVIRONMENT)


def refused(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetItem")


def answered(error: Exception) -> Response:
    def fail(_: Query) -> Response:
        raise error

    return SignedCalls(settings=SETTINGS).answer(EVENT, fail)


@pytest.mark.parametrize(
    "error",
    [
        refused("ProvisionedThroughputExceededException", 400),
        refused("InternalServerError", 500),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_fault_of_aws_that_passes_is_said_with_when_to_come_back(error: Exception) -> None:
    answer = answered(error)

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "aws_unavailable")
    assert int(answer["headers"]["retry-after"]) > 0
    assert "secret" not in answer["body"]


def test_a_missing_permission_crashes_so_that_the_alarm_rings() -> None:
    with pytest.raises(ClientError):
        answered(refused("AccessDeniedException", 400))


@pytest.mark.parametrize(
    ("problem", "status", "code", "retry_after"),
    [
        (VaultUnavailable("KMS gives no data key:", aws_code="ThrottlingException"), 503, "vault_unavailable", "60"),
        (TokensUnreadable("The stored blob is cut short."), 500, "tokens_unreadable", None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_tokens_that_do_not_open_are_told_apart_from_a_kms_that_does_not_answer(
    problem: Problem, status: int, code: str, retry_after: str | None
) -> None:
    answer = answered(problem)

    said = json.loads(answer["body"])
    assert (answer["statusCode"], said["status"], said["code"]) == (status, status, code)
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"].get("retry-after") == retry_after


def test_a_dead_grant_comes_with_the_link_that_mends_it() -> None:
    answer = answered(NeedsReinstall("Account 7 must install the app again.", hub_id=7))

    said = json.loads(answer["body"])
    assert (said["hub_id"], said["install_url"]) == (7, "http://localhost:3000/install?hub_id=7")


UNSIGNED: dict[str, dict[str, Any]] = {
    "no authorizer": {},
    "another authorizer": {"authorizer": {"jwt": {"claims": {}}}},
    "an authorizer of null": {"authorizer": None},
    "no identity": {"authorizer": {"iam": None}},
    "an identity without an ARN": {"authorizer": {"iam": {"userArn": ""}}},
}


def call(event: dict[str, Any], action: Callable[[Query], Response]) -> tuple[int, str]:
    answer = SignedCalls(settings=SETTINGS).answer(event, action)
    return answer["statusCode"], json.loads(answer.get("body", "{}")).get("code", "")


def fail_if_asked(_: Query) -> Response:
    raise AssertionError("the route was asked")


@pytest.mark.parametrize("context", UNSIGNED.values(), ids=UNSIGNED)
def test_a_call_whose_signature_nobody_verified_is_refused(context: dict[str, Any]) -> None:
    event = {**EVENT, "requestContext": {"domainName": "localhost", **context}}

    assert call(event, fail_if_asked) == (403, "not_signed")


@pytest.mark.parametrize(
    ("route", "hub_id", "path"),
    [
        ("GET /accounts", None, "/accounts/"),
        ("GET /accounts", None, "/accounts/."),
        ("GET /accounts", None, "/Accounts"),
        ("GET /accounts", None, ""),
        ("GET /accounts/{hub_id}", 7, "/accounts/7/"),
        ("GET /accounts/{hub_id}", 7, "/accounts/%37"),
        ("GET /accounts/{hub_id}/token", 7, "/accounts/7/token/"),
        ("GET /accounts/{hub_id}/token", 7, "/accounts/7/./token"),
        ("GET /accounts/{hub_id}/token", 7, "/accounts//7/token"),
        ("GET /accounts/{hub_id}/token", 7, "/accounts/7/Token"),
        ("GET /accounts/{hub_id}/token", 7, "/accounts/8/token"),
        ("DELETE /accounts/{hub_id}", 7, "/accounts/7/"),
        ("POST /install-links", None, "/install-links/"),
        ("", None, "/accounts"),
    ],
)
def test_a_path_that_is_spelled_otherwise_than_its_route_is_not_found(
    route: str, hub_id: int | None, path: str
) -> None:
    event = signed_event(route, hub_id)
    decoded = {**event, "requestContext": {**event["requestContext"], "http": {"method": "GET", "path": path}}}

    assert call({**event, "rawPath": path}, fail_if_asked) == (404, "no_such_route")
    assert call(decoded, fail_if_asked) == (404, "no_such_route")


@pytest.mark.parametrize("mapping", ["", "/hubspot", "/a/b"])
def test_an_api_mapping_may_put_its_path_before_the_route(mapping: str) -> None:
    path = f"{mapping}/accounts/7/token"
    context = {**EVENT["requestContext"], "http": {"method": "GET", "path": path}}

    assert call({**EVENT, "rawPath": path, "requestContext": context}, lambda _: {"statusCode": 200}) == (200, "")


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What has been logged, though no other log is on."""
    log: list[str] = []
    listening, root = Listening(log), logging.getLogger(telemetry.logger.name)
    root.addHandler(listening)
    root.setLevel("CRITICAL")
    telemetry.logger.remove_keys(["caller", "hub_id"])  # of an earlier test; Lambda's handlers begin without any
    yield lambda: [json.loads(line) for line in log]
    root.removeHandler(listening)
    root.setLevel("INFO")


Lines = Callable[[], list[dict[str, Any]]]
SAID = ("message", "caller", "route", "hub_id", "outcome", "status")


def said(line: dict[str, Any]) -> tuple[object, ...]:
    return tuple(line.get(name) for name in SAID)


def test_a_call_leaves_one_line_that_says_who_asked_for_what_and_what_came_of_it(lines: Lines) -> None:
    call(EVENT, lambda _: {"statusCode": 200, "body": '{"access_token": "secret"}'})

    [line] = lines()
    assert said(line) == ("signed call", CALLER, "GET /accounts/{hub_id}/token", 7, "ok", 200)
    assert "secret" not in json.dumps(line)


def test_a_call_that_fails_leaves_its_line_too(lines: Lines) -> None:
    def missing(_: Query) -> Response:
        raise AccountNotFound("The app is not installed in account 7.", hub_id=7)

    def crash(_: Query) -> Response:
        raise ZeroDivisionError

    unsigned = {**EVENT, "requestContext": {"domainName": "localhost"}}
    call(EVENT, missing)
    call(signed_event("GET /accounts"), missing)
    call(unsigned, missing)
    with pytest.raises(ZeroDivisionError):
        call(EVENT, crash)

    token = "GET /accounts/{hub_id}/token"
    assert [said(line)[1:] for line in lines()] == [
        (CALLER, token, 7, "account_not_found", 404),
        (CALLER, "GET /accounts", None, "account_not_found", 404),
        (None, token, 7, "not_signed", 403),
        (CALLER, token, 7, "crashed", None),
    ]


def test_no_answer_to_a_signed_call_is_cached() -> None:
    answers = [json_answer(200, {"access_token": "secret"}), answered(NeedsReinstall("Gone.", hub_id=7))]

    assert [answer["headers"]["cache-control"] for answer in answers] == ["no-store"] * 2
