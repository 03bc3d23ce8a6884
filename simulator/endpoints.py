"""The API's routes: form in, one endpoint function, JSON out; journalled, delayed and distorted on the way."""

from collections.abc import Callable

from flask import Blueprint, Response, request

from simulator import data_api, introspection, token_endpoint
from simulator.answers import Answer
from simulator.configuration import API_VERSIONS
from simulator.fault_delivery import distorted, rendered
from simulator.journal import Entry
from simulator.simulator import Simulator

FORM = "application/x-www-form-urlencoded"
NOT_A_FORM = Answer(415, {"status": "error", "message": "HTTP 415 Unsupported Media Type"}, "unsupported_media_type")
VERSIONS = f"<any({', '.join(repr(version) for version in API_VERSIONS)}):version>"


def api(simulator: Simulator) -> Blueprint:
    """The routes of api.hubapi.com. Any other version is a 404."""
    routes = Blueprint("api", __name__)

    @routes.post(f"/oauth/{VERSIONS}/token")
    def token(version: str) -> Response:  # noqa: ARG001 - the versions do not differ
        return _answer_form(simulator, "token", token_endpoint.exchange)

    @routes.post(f"/oauth/{VERSIONS}/token/introspect")
    def introspect(version: str) -> Response:  # noqa: ARG001
        return _answer_form(simulator, "introspect", introspection.introspect)

    @routes.post(f"/oauth/{VERSIONS}/token/revoke")
    def revoke(version: str) -> Response:  # noqa: ARG001
        return _answer_form(simulator, "revoke", introspection.revoke)

    @routes.delete(f"/appinstalls/{VERSIONS}/external-install")
    def uninstall(version: str) -> Response:  # noqa: ARG001
        return _answer_bearer(simulator, "uninstall", data_api.uninstall)

    @routes.get(f"/account-info/{VERSIONS}/details")
    def account_details(version: str) -> Response:  # noqa: ARG001
        return _answer_bearer(simulator, "account_info", data_api.account_details)

    @routes.get(f"/crm/{VERSIONS}/objects/<kind>")
    def crm_objects(version: str, kind: str) -> Response:  # noqa: ARG001
        return _answer_bearer(simulator, "crm", lambda sim, bearer: data_api.crm_objects(sim, bearer, kind))

    return routes


def _answer_form(
    simulator: Simulator, endpoint: str, work: Callable[[Simulator, token_endpoint.Form], Answer]
) -> Response:
    form = request.form
    entry = Entry(endpoint, request.method, request.path)
    if request.mimetype != FORM:
        return _deliver(simulator, entry, lambda: NOT_A_FORM)
    if endpoint == "token":
        entry.grant_type = form.get("grant_type", "none")[:40]
    secret = form.get("refresh_token") or form.get("token") or ""
    with simulator.lock:
        code = simulator.codes.find(form.get("code", ""))
        entry.hub_id = code.hub_id if code else simulator.grants.hub_of(secret)
    entry.fingerprint({name: form.get(name) for name in ("code", "refresh_token", "token")})
    return _deliver(simulator, entry, lambda: work(simulator, form))


def _answer_bearer(simulator: Simulator, endpoint: str, work: Callable[[Simulator, str], Answer]) -> Response:
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    entry = Entry(endpoint, request.method, request.path)
    with simulator.lock:
        entry.hub_id = simulator.grants.hub_of(bearer)
    entry.fingerprint({"access_token": bearer})
    return _deliver(simulator, entry, lambda: work(simulator, bearer))


def _deliver(simulator: Simulator, entry: Entry, work: Callable[[], Answer]) -> Response:
    simulator.journal.open(entry)
    fault = simulator.faults.take(entry.endpoint, entry.grant_type, entry.hub_id)
    simulator.pause(simulator.settings.latency)
    answer = work() if fault is None or fault.after_work else None
    if answer is not None and answer.body is not None:
        made = {name: answer.body.get(name) for name in ("access_token", "refresh_token")}
        entry.fingerprint({f"new_{name}": value for name, value in made.items()})
    outcome = answer.outcome if answer else "none"
    # Closed before it is sent: whoever has the answer finds the call in the journal.
    if fault is not None:
        simulator.journal.close(entry, None, outcome, fault.kind)
        return distorted(fault, answer)
    response = rendered(answer or Answer(200))
    simulator.journal.close(entry, response.status_code, outcome)
    return response
