"""The data API: account details, CRM objects behind their scope, and the app's own uninstall."""

from collections.abc import Callable, Mapping
from typing import Any

from simulator.answers import Answer, DataError, answers_errors
from simulator.crm import KINDS, Kind
from simulator.grants import AccessToken
from simulator.portals import Account
from simulator.simulator import Simulator


@answers_errors
def account_details(simulator: Simulator, bearer: str) -> Answer:
    """GET /account-info/{version}/details needs no scope."""
    with simulator.lock:
        _, hub_id = _live_token(simulator, bearer)
        return Answer(200, _details(simulator, hub_id))


def list_objects(simulator: Simulator, bearer: str, kind: str, query: Mapping[str, str]) -> Answer:
    """GET /crm/v3/objects/{kind} answers a page of the account's records."""
    return _crm(simulator, bearer, kind, "read", lambda account, of: simulator.crm.page(account, of, query))


def read_object(simulator: Simulator, bearer: str, kind: str, record_id: str, query: Mapping[str, str]) -> Answer:
    """GET /crm/v3/objects/{kind}/{id} answers one record."""
    return _crm(simulator, bearer, kind, "read", lambda account, of: simulator.crm.one(account, of, record_id, query))


def search_objects(simulator: Simulator, bearer: str, kind: str, asked: object) -> Answer:
    """POST /crm/v3/objects/{kind}/search answers the records that match."""
    return _crm(simulator, bearer, kind, "read", lambda account, of: simulator.crm.search(account, of, _object(asked)))


def create_object(simulator: Simulator, bearer: str, kind: str, asked: object) -> Answer:
    """POST /crm/v3/objects/{kind} adds a record."""
    made = _crm(simulator, bearer, kind, "write", lambda account, of: simulator.crm.create(account, of, _object(asked)))
    return Answer(201, made.body, made.outcome) if made.outcome == "ok" else made


@answers_errors
def _crm(
    simulator: Simulator, bearer: str, kind: str, right: str, work: Callable[[Account, Kind], dict[str, Any]]
) -> Answer:
    """Do the work on the records of the token's account, if the token has the scope."""
    with simulator.lock:
        token, hub_id = _live_token(simulator, bearer)
        needed = f"crm.objects.{kind}.{right}"
        if needed not in token.scopes:
            message = f"This app hasn't been granted all required scopes to make this call: {needed}"
            raise DataError(403, "MISSING_SCOPES", message)
        return Answer(200, work(simulator.account(hub_id) or Account(hub_id, f"Account {hub_id}"), KINDS[kind]))


def _object(asked: object) -> Mapping[str, Any]:
    if not isinstance(asked, dict):
        raise DataError(400, "VALIDATION_ERROR", "Invalid input JSON: an object is needed")
    return asked


@answers_errors
def uninstall(simulator: Simulator, bearer: str) -> Answer:
    """DELETE /appinstalls/{version}/external-install removes the app from the token's account."""
    with simulator.lock:
        token, hub_id = _live_token(simulator, bearer)
        simulator.grants.uninstall(token.client_id, hub_id)
        return Answer(204)


def _live_token(simulator: Simulator, bearer: str) -> tuple[AccessToken, int]:
    """Return the token and its account. A client-credentials token has no account, so it is refused."""
    token = simulator.grants.access_token(bearer)
    if token is None or token.hub_id is None:
        raise DataError(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
    if not simulator.grants.is_live(token):
        raise DataError(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call has expired.")
    return token, token.hub_id


def _details(simulator: Simulator, hub_id: int) -> dict[str, Any]:
    account = simulator.account(hub_id)
    return {
        "portalId": hub_id,
        "accountType": "STANDARD",
        "timeZone": "Europe/Berlin",
        "companyCurrency": "EUR",
        "additionalCurrencies": [],
        "utcOffset": "+01:00",
        "utcOffsetMilliseconds": 3_600_000,
        "uiDomain": account.ui_domain if account else None,
        "dataHostingLocation": account.hublet if account else None,
    }
