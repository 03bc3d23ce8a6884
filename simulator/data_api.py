"""The data API: account details, CRM objects behind their scope, and the app's own uninstall."""

from typing import Any

from simulator.answers import Answer, DataError, answers_errors
from simulator.grants import AccessToken
from simulator.simulator import Simulator


@answers_errors
def account_details(simulator: Simulator, bearer: str) -> Answer:
    """GET /account-info/{version}/details needs no scope."""
    with simulator.lock:
        _, hub_id = _live_token(simulator, bearer)
        return Answer(200, _details(simulator, hub_id))


@answers_errors
def crm_objects(simulator: Simulator, bearer: str, kind: str) -> Answer:
    """GET /crm/v3/objects/{kind} answers an empty list to a token with the scope; so does the dated path."""
    with simulator.lock:
        token, _ = _live_token(simulator, bearer)
        needed = f"crm.objects.{kind}.read"
        if needed not in token.scopes:
            message = f"This app hasn't been granted all required scopes to make this call: {needed}"
            raise DataError(403, "MISSING_SCOPES", message)
        return Answer(200, {"results": []})


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
