"""The pages of app.hubspot.com that an installing user sees: account picker, consent, refusal."""

from urllib.parse import quote

from flask import Blueprint, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from simulator.authorization import AuthorizationRequest, Refused, answer_url
from simulator.journal import Entry
from simulator.simulator import Simulator

REFUSED = 400
DECISIONS = {"allow": True, "cancel": False}


def pages(simulator: Simulator) -> Blueprint:
    routes = Blueprint("pages", __name__)

    @routes.get("/oauth/authorize")
    def choose_account() -> str:
        AuthorizationRequest.parse(_raw_query()).check(simulator.settings)
        _note(simulator, "authorize", 200, "picker_shown")
        return render_template("picker.html", settings=simulator.settings, query=_raw_query())

    @routes.get("/oauth/<int:hub_id>/authorize")
    def ask(hub_id: int) -> str:
        wanted = AuthorizationRequest.parse(_raw_query())
        wanted.check(simulator.settings)
        page = consent_page(simulator, wanted, hub_id, "/oauth/consent", _raw_query())
        _note(simulator, "authorize", 200, "consent_shown", hub_id)
        return page

    @routes.post("/oauth/consent")
    def decide() -> Response:
        wanted = AuthorizationRequest.parse(request.form.get("request", ""))
        hub_id, user_id, allowed = decision()
        location = answer_url(simulator, wanted, hub_id, user_id, allowed=allowed)
        _note(simulator, "consent", 302, "allowed" if allowed else "cancelled", hub_id)
        return redirect(location)

    @routes.app_errorhandler(Refused)
    def refuse(refusal: Refused) -> tuple[str, int]:
        _note(simulator, "refusal", REFUSED, f"refused:{refusal.reason}")
        return render_template("refused.html", refusal=refusal), REFUSED

    return routes


def consent_page(simulator: Simulator, wanted: AuthorizationRequest, hub_id: int, action: str, query: str) -> str:
    """The page that asks for consent. Whether the chosen user may install is checked only after Allow."""
    settings = simulator.settings
    account = wanted.check_account(simulator.account(hub_id))
    dropped = [scope for scope in wanted.optional_scopes if not account.may_grant((scope,))]
    shown = {"settings": settings, "account": account, "wanted": wanted, "dropped": dropped}
    return render_template("consent.html", action=action, query=query, **shown)


def decision() -> tuple[int, int, bool]:
    """Read the account, the user and the answer from the consent form."""
    hub_id, user_id = request.form.get("hub_id", 0, int), request.form.get("user_id", 0, int)
    allowed = DECISIONS.get(request.form.get("decision", ""))
    if allowed is None or not hub_id:
        raise BadRequest("decision must be allow or cancel, hub_id a number")
    return hub_id, user_id, allowed


def _raw_query() -> str:
    """The query string as the browser sent it, because the state must come back unchanged. Always ASCII."""
    return quote(request.query_string, safe="=&%+!$'()*,;:@/?-._~")


def _note(simulator: Simulator, endpoint: str, status: int, outcome: str, hub_id: int | None = None) -> None:
    simulator.journal.note(Entry(endpoint, request.method, request.path, hub_id=hub_id), status, outcome)
