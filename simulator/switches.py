"""The settings that may change while the simulator runs, as POST /_sim/settings takes and shows them."""

from collections.abc import Callable, Mapping
from typing import Any

from simulator.configuration import SimulatorSettings


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("must be a positive whole number")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError("must be a number of seconds")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - answered as a bad request
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("must be a list of texts")
    return tuple(value)


SWITCHES: dict[str, Callable[[object], Any]] = {
    "client_id": _text,
    "client_secret": _text,
    "app_name": _text,
    "redirect_urls": _texts,
    "required_scopes": _texts,
    "conditional_scopes": _texts,
    "optional_scopes": _texts,
    "requires_oauth_scope": _flag,
    "signed_in_user": _whole,
    "token_lifetime": _whole,
    "code_lifetime": _seconds,
    "access_token_length": _whole,
    "refresh_token_length": _whole,
    "code_length": _whole,
    "hublet_prefixes": _flag,
    "rotate_refresh_tokens": _flag,
    "same_user_keeps_refresh_token": _flag,
    "reinstall_ends_other_grants": _flag,
    "latency": _seconds,
    "marketplace_origin": _text,
}


def parse_switches(document: Mapping[str, Any]) -> dict[str, Any]:
    """Read the changes that a JSON object asks for.

    Raises:
        ValueError: Names every wrong member at once.
    """
    changes: dict[str, Any] = {}
    wrong = [fault for name, value in document.items() if (fault := _parse(name, value, changes))]
    if wrong:
        raise ValueError("; ".join(wrong))
    return changes


def _parse(name: str, value: object, changes: dict[str, Any]) -> str | None:
    if name not in SWITCHES:
        return f"{name} is not a switch"
    try:
        changes[name] = SWITCHES[name](value)
    except ValueError as error:
        return f"{name} {error}"
    return None


def shown(settings: SimulatorSettings) -> dict[str, Any]:
    """Every switch except the client secret."""
    return {name: getattr(settings, name) for name in SWITCHES if name != "client_secret"}
