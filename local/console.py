"""Serves the twin's own page: the install link, the connected accounts with countdowns, how to ask for a token.

It reads the accounts table directly, and only the attributes in `SEEN`: never the sealed tokens.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from local.emulator import Emulator
from local.events import Request, Response

STATE_PATH = "/_console/state"
SHOWN = 50
SEEN = (
    "hub_id",
    "hub_domain",
    "status",
    "version",
    "issued_at",
    "expires_at",
    "refresh_at",
    "lease_until",
    "attempts",
    "needs_reinstall_because",
    "binding",
    "client_reference_id",
)
_deserializer = TypeDeserializer()


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows besides the accounts."""

    app_name: str
    simulator_url: str | None
    hubspot_url: str
    state_dir: str
    command: str
    command_flags: str
    schedule: str


class Console:
    """Answers the twin's own paths: its page, the state that the page polls, and `/healthz`."""

    def __init__(self, emulator: Emulator, accounts_table: str, page: Page) -> None:
        self._dynamodb = emulator.client("dynamodb")
        self._table = accounts_table
        self._page = page
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
        )

    def answer(self, request: Request) -> Response | None:
        """Return the answer, or None if the request is for the API."""
        if request.method != "GET":
            return None
        match request.path:
            case "/healthz":
                return _answer("text/plain; charset=utf-8", "ok\n")
            case "/":
                return self._console()
            case path if path == STATE_PATH:
                return _answer("application/json", json.dumps(self._state()))
        return None

    def _console(self) -> Response:
        nonce = secrets.token_urlsafe(16)
        html = self._environment.get_template("console.html").render(
            page=self._page, nonce=nonce, state_path=STATE_PATH, shown=SHOWN
        )
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self';"
            " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return _answer("text/html; charset=utf-8", html, ("content-security-policy", policy))

    def _state(self) -> Mapping[str, Any]:
        answer = self._dynamodb.scan(
            TableName=self._table,
            ProjectionExpression=", ".join(f"#{name}" for name in SEEN),
            ExpressionAttributeNames={f"#{name}": name for name in SEEN},
            Limit=SHOWN,
        )
        rows = [{name: _plain(value) for name, value in item.items()} for item in answer["Items"]]
        accounts = sorted(rows, key=lambda row: row["hub_id"])
        return {"now": time.time(), "accounts": accounts, "more": "LastEvaluatedKey" in answer}


def _answer(content_type: str, content: str, *headers: tuple[str, str]) -> Response:
    common = [
        ("content-type", content_type),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ]
    return Response(200, [*common, *headers], content.encode())


def _plain(value: Mapping[str, Any]) -> str | int:
    plain: Any = _deserializer.deserialize(value)  # type: ignore[arg-type]
    return plain if isinstance(plain, str) else int(plain)
