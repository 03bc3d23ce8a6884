"""Which settings may change while the simulator runs."""

import pytest

from simulator import SimulatorSettings
from simulator.switches import SWITCHES, parse_switches, shown


def test_every_wrong_switch_is_named_at_once() -> None:
    wrong = {"token_lifetime": 0, "latency": -1, "rotate_refresh_tokens": 1, "redirect_urls": "x", "app_name": ""}

    with pytest.raises(ValueError, match="colour") as refusal:
        parse_switches(wrong | {"colour": "red"})

    assert all(name in str(refusal.value) for name in wrong)


def test_the_settings_that_are_shown_can_be_set_again_as_they_are() -> None:
    settings = SimulatorSettings()
    document = {name: list(value) if isinstance(value, tuple) else value for name, value in shown(settings).items()}

    assert parse_switches(document) == shown(settings)


def test_the_secret_can_be_set_but_is_not_shown() -> None:
    assert "client_secret" in SWITCHES
    assert "client_secret" not in shown(SimulatorSettings())
