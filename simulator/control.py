"""The routes under /_sim/: journal, faults, settings, and grants made without a browser."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from simulator.faults import parse_fault
from simulator.grants import Grant
from simulator.portals import Account
from simulator.simulator import Simulator
from simulator.switches import parse_switches, shown
from simulator.token_endpoint import token_response

WRONG = 400
FIRST_HUB_ID = 200_001
MOST = 1_000_000


def control(simulator: Simulator) -> Blueprint:  # noqa: C901 - a list of routes
    """Only POST /_sim/grants answers with secrets."""
    routes = Blueprint("control", __name__)

    @routes.get("/")
    def start() -> BaseResponse:
        return redirect("/marketplace")

    @routes.get("/_sim/journal")
    def read_journal() -> Response:
        after, limit = request.args.get("after", 0, int), request.args.get("limit", 1000, int)
        hub_id = request.args.get("hub_id", None, int)
        counters = simulator.journal.counters(by_hub_id=request.args.get("by_hub_id") != "no")
        return jsonify(counters=counters, entries=simulator.journal.entries(after, limit, hub_id))

    @routes.delete("/_sim/journal")
    def clear_journal() -> Response:
        simulator.journal.clear()
        return jsonify(cleared=True)

    @routes.get("/_sim/faults")
    def list_faults() -> Response:
        return jsonify(faults=simulator.faults.descriptions())

    @routes.post("/_sim/faults")
    def add_fault() -> tuple[Response, int]:
        fault = simulator.faults.add(parse_fault(_document()))
        return jsonify(fault.description()), 201

    @routes.delete("/_sim/faults", defaults={"number": None})
    @routes.delete("/_sim/faults/<int:number>")
    def clear_faults(number: int | None) -> Response:
        return jsonify(cleared=simulator.faults.clear(number))

    @routes.get("/_sim/settings")
    def read_settings() -> Response:
        return jsonify(shown(simulator.settings))

    @routes.post("/_sim/settings")
    def change_settings() -> Response:
        simulator.change(**parse_switches(_document()))
        return jsonify(shown(simulator.settings))

    @routes.post("/_sim/uninstall")
    def uninstall() -> Response:
        with simulator.lock:
            client_id = simulator.settings.client_id
            return jsonify(uninstalled=simulator.grants.uninstall(client_id, int(_document()["hub_id"])))

    @routes.post("/_sim/grants")
    def mint_grants() -> Response:
        lines = (json.dumps(line) + "\n" for line in mint(simulator, _document()))
        return Response("".join(lines), 201, content_type="application/x-ndjson")

    @routes.post("/_sim/reset")
    def reset() -> Response:
        simulator.reset()
        return jsonify(reset=True)

    @routes.errorhandler(ValueError)
    @routes.errorhandler(KeyError)
    def refuse(error: Exception) -> tuple[Response, int]:
        return jsonify(error=str(error)), WRONG

    return routes


def _document() -> dict[str, Any]:
    document = request.get_json(force=True, silent=True)
    if not isinstance(document, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 - answered as a bad request
    return document


def mint(simulator: Simulator, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Install the app in `count` accounts from `first_hub_id` on, each with `scopes`; return their token responses."""
    number, first = wanted.get("count", 1), wanted.get("first_hub_id", FIRST_HUB_ID)
    if not isinstance(number, int) or not 1 <= number <= MOST or not isinstance(first, int) or first < 1:
        raise ValueError(f"count must be 1 to {MOST}, first_hub_id a positive number")
    with simulator.lock:
        scopes = tuple(wanted.get("scopes", simulator.settings.required_scopes))
        client_id = wanted.get("client_id", simulator.settings.client_id)
        return [_installed(simulator, client_id, hub_id, scopes) for hub_id in range(first, first + number)]


def _installed(simulator: Simulator, client_id: str, hub_id: int, scopes: tuple[str, ...]) -> dict[str, Any]:
    if simulator.account(hub_id) is None:
        simulator.minted_accounts[hub_id] = Account(hub_id, f"Account {hub_id}", "eu1" if hub_id % 4 == 0 else "na1")
    grant = simulator.grants.add(Grant(client_id, hub_id, simulator.settings.signed_in_user, scopes))
    simulator.renew_refresh_token(grant)
    token = simulator.access_token(client_id, scopes, grant)
    return token_response(simulator, token, grant) | {"expires_at": token.expires_at}
