"""What a bearer token opens: account details, scope-gated CRM objects, and the app's own uninstall."""

from typing import Any

from simulator.answers import Answer
from simulator.grants import AccessToken
from simulator.simulator import Simulator


class Unauthorized(Exception):
    """The data API's refusal, with the `category` that tells one from another."""

    def __init__(self, status: int, category: str, message: str, hub_id: int | None = None) -> None:
        super().__init__(category)
        self.answer = Answer(
            status, {"status": "error", "message": message, "category": category}, outcome=category, hub_id=hub_id
        )


def account_details(simulator: Simulator, bearer: str) -> Answer:
    """GET /account-info/{version}/details: any live token will do."""
    with simulator.lock:
        try:
            token, hub_id = _live(simulator, bearer)
        except Unauthorized as refusal:
            return refusal.answer
        account = simulator.account(hub_id)
        details: dict[str, Any] = {
            "portalId": token.hub_id,
            "accountType": "STANDARD",
            "timeZone": "Europe/Berlin",
            "companyCurrency": "EUR",
            "additionalCurrencies": [],
            "utcOffset": "+01:00",
            "utcOffsetMilliseconds": 3_600_000,
            "uiDomain": account.ui_domain if account else None,
            "dataHostingLocation": account.hublet if account else None,
        }
        return Answer(200, details, hub_id=token.hub_id)


def crm_objects(simulator: Simulator, bearer: str, kind: str) -> Answer:
    """GET /crm/{version}/objects/{kind}: an empty list, for tokens that carry the scope."""
    with simulator.lock:
        try:
            token, hub_id = _live(simulator, bearer)
        except Unauthorized as refusal:
            return refusal.answer
        needed = f"crm.objects.{kind}.read"
        if needed not in token.scopes:
            message = f"This app hasn't been granted all required scopes to make this call: {needed}"
            return Unauthorized(403, "MISSING_SCOPES", message, hub_id).answer
        return Answer(200, {"results": []}, hub_id=hub_id)


def uninstall(simulator: Simulator, bearer: str) -> Answer:
    """DELETE /appinstalls/{version}/external-install: the account of this token loses the app."""
    with simulator.lock:
        try:
            token, hub_id = _live(simulator, bearer)
        except Unauthorized as refusal:
            return refusal.answer
        simulator.grants.uninstall(token.client_id, hub_id)
        return Answer(204, hub_id=hub_id)


def _live(simulator: Simulator, bearer: str) -> tuple[AccessToken, int]:
    """The live token behind the header and its account; a token of the app itself opens no account's data."""
    token = simulator.grants.access_token(bearer)
    if token is None or token.hub_id is None:
        raise Unauthorized(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
    if not simulator.grants.is_live(token):
        message = "The OAuth token used to make this call has expired."
        raise Unauthorized(401, "EXPIRED_AUTHENTICATION", message, token.hub_id)
    return token, token.hub_id
