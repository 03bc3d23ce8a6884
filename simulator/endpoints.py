"""The routes of api.hubapi.com: each call is journalled, delayed, and distorted where a fault says so."""

from collections.abc import Callable, Iterable

from flask import Blueprint, Response, request

from simulator import data_api, introspection, token_endpoint
from simulator.answers import Answer, error_body
from simulator.configuration import API_VERSIONS, DATED_VERSIONS
from simulator.crm import KINDS
from simulator.fault_delivery import distorted, rendered
from simulator.faults import Fault
from simulator.journal import Entry
from simulator.simulator import Simulator

FORM = "application/x-www-form-urlencoded"
_UNSUPPORTED = error_body("HTTP 415 Unsupported Media Type", "UNSUPPORTED_MEDIA_TYPE")
NOT_A_FORM = Answer(415, _UNSUPPORTED, "unsupported_media_type")


def _any_of(versions: Iterable[str]) -> str:
    return f"<any({', '.join(map(repr, versions))}):version>"


VERSIONS = _any_of(API_VERSIONS)


def api(simulator: Simulator) -> Blueprint:
    """The routes of the API. All versions in API_VERSIONS answer alike; any other version is a 404."""
    routes = Blueprint("api", __name__)

    @routes.post(f"/oauth/{VERSIONS}/token")
    def token(version: str) -> Response:  # noqa: ARG001
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

    _add_crm(routes, simulator)
    return routes


def _add_crm(routes: Blueprint, simulator: Simulator) -> None:
    """Serve the CRM's objects under `/crm/v3/objects` and, for the dated versions, under `/crm/objects/{version}`."""

    def answer(work: Callable[..., Answer], *given: object) -> Response:
        return _answer_bearer(simulator, "crm", lambda sim, bearer: work(sim, bearer, *given))

    def objects(version: str, kind: str) -> Response:  # noqa: ARG001
        if request.method == "POST":
            return answer(data_api.create_object, kind, request.get_json(force=True, silent=True))
        return answer(data_api.list_objects, kind, request.args)

    def one(version: str, kind: str, record_id: str) -> Response:  # noqa: ARG001
        return answer(data_api.read_object, kind, record_id, request.args)

    def search(version: str, kind: str) -> Response:  # noqa: ARG001
        return answer(data_api.search_objects, kind, request.get_json(force=True, silent=True))

    for root in ("/crm/<any(v3):version>/objects", f"/crm/objects/{_any_of(DATED_VERSIONS)}"):
        base = f"{root}/<any({', '.join(KINDS)}):kind>"
        routes.add_url_rule(base, view_func=objects, methods=["GET", "POST"])
        routes.add_url_rule(f"{base}/search", view_func=search, methods=["POST"])
        routes.add_url_rule(f"{base}/<record_id>", view_func=one)


def _answer_form(simulator: Simulator, endpoint: str, work: token_endpoint.Exchange) -> Response:
    entry, form = Entry(endpoint, request.method, request.path), request.form
    if request.mimetype != FORM:
        return _deliver(simulator, entry, lambda: NOT_A_FORM)
    if endpoint == "token":
        entry.grant_type = form.get("grant_type", "none")[:40]
    entry.hub_id = _hub_of_form(simulator, form)
    entry.fingerprint({name: form.get(name) for name in ("code", "refresh_token", "token")})
    return _deliver(simulator, entry, lambda: work(simulator, form))


def _hub_of_form(simulator: Simulator, form: token_endpoint.Form) -> int | None:
    with simulator.lock:
        code = simulator.codes.find(form.get("code", ""))
        return code.hub_id if code else simulator.grants.hub_of(form.get("refresh_token") or form.get("token") or "")


def _answer_bearer(simulator: Simulator, endpoint: str, work: Callable[[Simulator, str], Answer]) -> Response:
    entry = Entry(endpoint, request.method, request.path)
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    with simulator.lock:
        entry.hub_id = simulator.grants.hub_of(bearer)
    entry.fingerprint({"access_token": bearer})
    return _deliver(simulator, entry, lambda: work(simulator, bearer))


def _deliver(simulator: Simulator, entry: Entry, work: Callable[[], Answer]) -> Response:
    """Close the journal entry before the answer leaves, so that a caller who has the answer finds the entry."""
    simulator.journal.open(entry)
    fault = simulator.faults.take(entry.endpoint, entry.grant_type, entry.hub_id)
    simulator.pause(simulator.settings.latency)
    if fault is not None:
        return _deliver_fault(simulator, entry, work, fault)
    answer = _done(entry, work)
    simulator.journal.close(entry, answer.status, answer.outcome)
    return rendered(answer)


def _deliver_fault(simulator: Simulator, entry: Entry, work: Callable[[], Answer], fault: Fault) -> Response:
    answer = _done(entry, work) if fault.after_work else None
    simulator.journal.close(entry, None, answer.outcome if answer else "none", fault.kind)
    return distorted(fault, answer)


def _done(entry: Entry, work: Callable[[], Answer]) -> Answer:
    answer = work()
    made = answer.body or {}
    entry.fingerprint({f"new_{name}": made.get(name) for name in ("access_token", "refresh_token")})
    return answer
