"""Installs that begin at HubSpot: from the Marketplace, with or without the app's sign-in, and a sample install URL."""

from typing import NamedTuple

from flask import Blueprint, redirect, render_template, request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response

from simulator.authorization import AuthorizationRequest, allow, answer_url, with_query
from simulator.configuration import SimulatorSettings
from simulator.consent import consent_page, decision
from simulator.journal import Entry
from simulator.simulator import Simulator

ARRIVALS = ("seamless", "sign-in", "sample")
INSTALL_ID_LENGTH = 16


class Choice(NamedTuple):
    """What the user chose on the Marketplace page; `arrival` is one of ARRIVALS."""

    arrival: str
    hub_id: int
    user_id: int
    redirect_uri: str


def marketplace(simulator: Simulator) -> Blueprint:
    routes = Blueprint("marketplace", __name__)

    @routes.get("/marketplace")
    def listing() -> str:
        return render_template("marketplace.html", settings=simulator.settings)

    @routes.post("/marketplace/start")
    def start() -> Response:
        choice = _choice(simulator.settings)
        location = _first_redirect(simulator, choice)
        entry = Entry("marketplace", request.method, request.path, hub_id=choice.hub_id)
        simulator.journal.note(entry, 302, f"started:{choice.arrival}")
        return redirect(location)

    @routes.get("/marketplace/continue/<install_id>")
    def resume(install_id: str) -> str:
        """The app sends a signed-in user back here with its state; HubSpot now asks for consent."""
        hub_id, redirect_uri = _install(simulator, install_id)
        wanted = _request(simulator.settings, redirect_uri, request.args.get("state"))
        return consent_page(simulator, wanted, hub_id, f"/marketplace/decide/{install_id}", wanted.query())

    @routes.post("/marketplace/decide/<install_id>")
    def decide(install_id: str) -> str | Response:
        wanted = AuthorizationRequest.parse(request.form.get("request", ""))
        hub_id, user_id, allowed = decision()
        if not allowed:
            return redirect(answer_url(simulator, wanted, hub_id, user_id, allowed=False))
        source = _final_redirect(simulator, wanted, hub_id, user_id, install_id)
        simulator.journal.note(Entry("consent", request.method, request.path, hub_id=hub_id), 200, "allowed")
        return render_template("finalize.html", source=source)

    @routes.get("/marketplace/finished/<install_id>")
    def finished(install_id: str) -> str:
        hub_id, _ = _install(simulator, install_id)
        return render_template("finished.html", account=simulator.account(hub_id))

    return routes


def _choice(settings: SimulatorSettings) -> Choice:
    form = request.form
    choice = Choice(
        form.get("arrival", ""),
        form.get("hub_id", 0, int),
        form.get("user_id", settings.signed_in_user, int),
        form.get("redirect_uri", settings.redirect_urls[0]),
    )
    if choice.arrival not in ARRIVALS:
        raise BadRequest(f"arrival must be one of {', '.join(ARRIVALS)}")
    return choice


def _first_redirect(simulator: Simulator, choice: Choice) -> str:
    """Where the browser first reaches the app: with a code, or with step=authorize to sign in before consent."""
    wanted = _request(simulator.settings, choice.redirect_uri, None)
    wanted.check(simulator.settings)
    install_id = simulator.opaque(INSTALL_ID_LENGTH)
    simulator.marketplace_installs[install_id] = (choice.hub_id, choice.redirect_uri)
    if choice.arrival == "sign-in":
        return_url = _return_url(simulator, "continue", install_id)
        return with_query(choice.redirect_uri, {"step": "authorize", "returnUrl": return_url})
    answer = {"code": allow(simulator, wanted, choice.hub_id, choice.user_id)}
    if choice.arrival == "seamless":
        answer["returnUrl"] = _return_url(simulator, "finished", install_id)
    return with_query(choice.redirect_uri, answer)


def _final_redirect(
    simulator: Simulator, wanted: AuthorizationRequest, hub_id: int, user_id: int, install_id: str
) -> str:
    """Where HubSpot's iframe reaches the app after consent: step=finalize."""
    code, return_url = allow(simulator, wanted, hub_id, user_id), _return_url(simulator, "finished", install_id)
    final = {"step": "finalize", "code": code, "state": wanted.state, "returnUrl": return_url}
    return with_query(wanted.redirect_uri, final)


def _return_url(simulator: Simulator, step: str, install_id: str) -> str:
    return f"{simulator.settings.marketplace_origin}/marketplace/{step}/{install_id}"


def _request(settings: SimulatorSettings, redirect_uri: str, state: str | None) -> AuthorizationRequest:
    """The Marketplace asks for every scope the app declares (assumed)."""
    scopes = (*sorted(settings.always_required()), *settings.conditional_scopes)
    return AuthorizationRequest(settings.client_id, redirect_uri, scopes, settings.optional_scopes, state)


def _install(simulator: Simulator, install_id: str) -> tuple[int, str]:
    install = simulator.marketplace_installs.get(install_id)
    if install is None:
        raise NotFound
    return install
