"""From the install link to a token, over HTTP."""

import json
from typing import Any

import requests

from tests.support.stack import table_key
from tests.support.twin_client import ACME, BEISPIEL
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor, refusal_of
from tests.support.waiting import eventually


def test_an_install_ends_on_the_success_page_and_gives_a_token_that_works(
    twin: TwinProcess, visitor: TwinVisitor
) -> None:
    page = visitor.install(ACME)

    answer = twin.token(ACME)
    assert page.status_code == 200
    assert refusal_of(page) is None
    assert "You are connected" in page.text
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {
        "hub_id",
        "access_token",
        "token_type",
        "expires_in",
        "expires_at",
        "scopes",
        "missing_scopes",
        "fingerprint",
    }
    assert twin.accepted(answer.json()["access_token"])


def test_the_console_shows_the_account(twin: TwinProcess, visitor: TwinVisitor) -> None:
    visitor.install(BEISPIEL)

    shown = requests.get(f"{twin.url}/_console/state", timeout=10).json()

    account = next(row for row in shown["accounts"] if row["hub_id"] == BEISPIEL)
    assert account["status"] == "active"
    assert shown["now"] < account["refresh_at"] < account["expires_at"]


def test_a_given_account_is_asked_for_by_its_own_address(visitor: TwinVisitor) -> None:
    answer = visitor.start(hub_id=BEISPIEL)

    assert answer.headers["location"].startswith(f"{visitor.twin.hubspot_url}/oauth/{BEISPIEL}/authorize?")


def test_a_visitor_who_cancels_reads_what_happened(visitor: TwinVisitor) -> None:
    page = visitor.land(visitor.consent(visitor.start().headers["location"], decision="cancel"))

    assert refusal_of(page) == "install_cancelled"


def test_a_bare_visit_to_the_callback_shows_where_to_start(visitor: TwinVisitor) -> None:
    page = visitor.open(f"{visitor.twin.url}/oauth-callback")

    assert page.status_code == 200
    assert "/install" in page.text


def test_an_account_that_is_due_is_refreshed_by_schedule_queue_and_worker(
    twin: TwinProcess, visitor: TwinVisitor
) -> None:
    visitor.install(ACME)
    before = twin.token(ACME).json()["access_token"]

    make_due(twin, ACME)

    eventually(lambda: twin.token(ACME).json()["access_token"] != before)


def test_a_failed_refresh_is_in_the_log_with_its_account_and_the_tick_that_asked_for_it(
    twin: TwinProcess, visitor: TwinVisitor
) -> None:
    visitor.install(BEISPIEL)
    twin.simulate("faults", kind="status", status=503, grant_type="refresh_token", hub_id=BEISPIEL)

    make_due(twin, BEISPIEL)

    failed = eventually(lambda: next(iter(logged(twin, "RefreshFailed", BEISPIEL)), None))
    twin.clear_faults()
    assert (failed["kind"], failed["code"]) == ("TryLater", "http_503")
    assert failed["correlation_id"] != failed["function_request_id"]


def test_an_account_is_left_over_http(twin: TwinProcess, visitor: TwinVisitor) -> None:
    visitor.install(ACME)

    left = twin.call(f"/accounts/{ACME}?uninstall=true", "DELETE")
    again = twin.call(f"/accounts/{ACME}", "DELETE")

    assert (left.status_code, left.json()) == (
        200,
        {"hub_id": ACME, "uninstalled": True, "revoked": True, "forgotten": True},
    )
    assert (again.status_code, again.json()["code"]) == (404, "account_not_found")
    assert twin.token(ACME).status_code == 404


def test_an_unknown_account_is_a_404_with_a_stable_code(twin: TwinProcess) -> None:
    answer = twin.token(424242)

    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unsigned_call_to_an_iam_route_is_refused(twin: TwinProcess) -> None:
    answer = requests.get(f"{twin.url}/accounts/{ACME}/token", timeout=10)

    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def logged(twin: TwinProcess, message: str, hub_id: int) -> list[dict[str, Any]]:
    """The functions' log entries with this message about this account."""
    lines = (line for line in twin.log_events().splitlines() if f'"{message}"' in line and line.startswith("{"))
    return [entry for entry in map(json.loads, lines) if entry.get("hub_id") == hub_id]


def make_due(twin: TwinProcess, hub_id: int) -> None:
    twin.aws("dynamodb").update_item(
        TableName=twin.outputs["AccountsTableName"],
        Key=table_key(hub_id),
        UpdateExpression="SET refresh_at = :then",
        ExpressionAttributeValues={":then": {"N": "1"}},
    )
