"""Arrivals that do not begin at the app: the Marketplace with and without sign-in, and a sample install URL."""

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


class Start(NamedTuple):
    """What the person chose on the Marketplace page."""

    arrival: str
    hub_id: int
    user_id: int
    redirect_uri: str


def marketplace(simulator: Simulator) -> Blueprint:
    """The simulated Marketplace listing and what follows from its buttons."""
    routes = Blueprint("marketplace", __name__)

    @routes.get("/marketplace")
    def listing() -> str:
        return render_template("marketplace.html", settings=simulator.settings)

    @routes.post("/marketplace/start")
    def start() -> Response:
        chosen = _chosen(simulator.settings)
        location = _first_stop(simulator, chosen)
        entry = Entry("marketplace", request.method, request.path, hub_id=chosen.hub_id)
        simulator.journal.note(entry, 302, f"started:{chosen.arrival}")
        return redirect(location)

    @routes.get("/marketplace/continue/<install_id>")
    def resume(install_id: str) -> str:
        """Where a signed-in person comes back to with the app's state; HubSpot asks for consent now."""
        hub_id, redirect_uri = _install(simulator, install_id)
        wanted = _request(simulator.settings, redirect_uri, request.args.get("state"))
        return consent_page(simulator, wanted, hub_id, f"/marketplace/decide/{install_id}", wanted.query())

    @routes.post("/marketplace/decide/<install_id>")
    def decide(install_id: str) -> str | Response:
        wanted = AuthorizationRequest.parse(request.form.get("request", ""))
        hub_id, user_id, allowed = decision()
        if not allowed:
            return redirect(answer_url(simulator, wanted, hub_id, user_id, allowed=False))
        code = allow(simulator, wanted, hub_id, user_id)
        finished = f"{simulator.settings.marketplace_origin}/marketplace/finished/{install_id}"
        final = {"step": "finalize", "code": code, "state": wanted.state, "returnUrl": finished}
        simulator.journal.note(Entry("consent", request.method, request.path, hub_id=hub_id), 200, "allowed")
        return render_template("finalize.html", source=with_query(wanted.redirect_uri, final))

    @routes.get("/marketplace/finished/<install_id>")
    def finished(install_id: str) -> str:
        hub_id, _ = _install(simulator, install_id)
        return render_template("finished.html", account=simulator.account(hub_id))

    return routes


def _chosen(settings: SimulatorSettings) -> Start:
    form = request.form
    chosen = Start(
        form.get("arrival", ""),
        form.get("hub_id", 0, int),
        form.get("user_id", settings.signed_in_user, int),
        form.get("redirect_uri", settings.redirect_urls[0]),
    )
    if chosen.arrival not in ARRIVALS:
        raise BadRequest(f"arrival must be one of {', '.join(ARRIVALS)}")
    return chosen


def _first_stop(simulator: Simulator, chosen: Start) -> str:
    """The redirect URL as the browser first arrives at it."""
    settings = simulator.settings
    wanted = _request(settings, chosen.redirect_uri, None)
    wanted.check(settings)
    install_id = simulator.opaque(INSTALL_ID_LENGTH)
    simulator.marketplace_installs[install_id] = (chosen.hub_id, chosen.redirect_uri)
    if chosen.arrival == "sign-in":
        return_url = f"{settings.marketplace_origin}/marketplace/continue/{install_id}"
        return with_query(chosen.redirect_uri, {"step": "authorize", "returnUrl": return_url})
    code = allow(simulator, wanted, chosen.hub_id, chosen.user_id)
    return_url = f"{settings.marketplace_origin}/marketplace/finished/{install_id}"
    given = {"code": code, "returnUrl": return_url if chosen.arrival == "seamless" else None}
    return with_query(chosen.redirect_uri, given)


def _request(settings: SimulatorSettings, redirect_uri: str, state: str | None) -> AuthorizationRequest:
    """What the Marketplace asks for: everything the app declares (assumed)."""
    scopes = (*sorted(settings.always_required()), *settings.conditional_scopes)
    return AuthorizationRequest(settings.client_id, redirect_uri, scopes, settings.optional_scopes, state)


def _install(simulator: Simulator, install_id: str) -> tuple[int, str]:
    install = simulator.marketplace_installs.get(install_id)
    if install is None:
        raise NotFound
    return install
