"""Which calls a fault strikes, which switches there are, and what the journal keeps."""

import pytest

from simulator import SimulatorSettings
from simulator.faults import Faults, parse_fault
from simulator.journal import Entry, Journal
from simulator.switches import SWITCHES, parse_switches, shown

REFRESH = ("token", "refresh_token", 1)


def test_a_fault_strikes_as_often_as_asked() -> None:
    faults = Faults()
    faults.add(parse_fault({"kind": "reset", "times": 2}))

    struck = [faults.take(*REFRESH) is not None for _ in range(3)]

    assert struck == [True, True, False]


def test_a_fault_without_a_number_lasts_until_cleared() -> None:
    faults = Faults()
    fault = faults.add(parse_fault({"kind": "reset"}))
    struck = [faults.take(*REFRESH) for _ in range(3)]

    cleared = faults.clear()

    assert (struck, cleared) == ([fault] * 3, 1)
    assert faults.take(*REFRESH) is None
    assert fault.cleared.is_set()


@pytest.mark.parametrize(
    ("selector", "strikes"),
    [
        ({}, True),
        ({"grant_type": "refresh_token"}, True),
        ({"grant_type": "authorization_code"}, False),
        ({"endpoint": "introspect"}, False),
        ({"endpoint": None}, True),
        ({"hub_id": 1}, True),
        ({"hub_id": [2, 3]}, False),
        ({"hub_id": [1, 2]}, True),
    ],
)
def test_a_fault_strikes_only_the_calls_it_names(selector, strikes) -> None:
    faults = Faults()
    faults.add(parse_fault({"kind": "reset"} | selector))

    assert (faults.take(*REFRESH) is not None) is strikes


def test_the_oldest_fault_strikes_first_and_one_can_be_cleared_alone() -> None:
    faults = Faults()
    first, second = (faults.add(parse_fault({"kind": kind})) for kind in ("reset", "hang"))

    struck = [faults.take(*REFRESH)]
    faults.clear(first.number)
    struck.append(faults.take(*REFRESH))

    assert struck == [first, second]


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({}, "kind"),
        ({"kind": "explode"}, "kind"),
        ({"kind": "reset", "times": 0}, "times"),
        ({"kind": "reset", "times": True}, "times"),
        ({"kind": "error", "error": "BAD_LUCK"}, "error"),
        ({"kind": "status"}, "status"),
        ({"kind": "reset", "tmies": 3}, "tmies"),
        ({"kind": "reset", "hub_id": "1"}, "hub_id"),
        ({"kind": "hang", "seconds": "long"}, "seconds"),
        ({"kind": "without", "fields": "refresh_token"}, "fields"),
        ({"kind": "with", "fields": ["a"]}, "fields"),
        ({"kind": "reset", "endpoint": "tokens"}, "endpoint"),
        ({"kind": "reset", "grant_type": "refresh"}, "grant_type"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_name(document, named) -> None:
    with pytest.raises(ValueError, match=named):
        parse_fault(document)


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


def test_the_journal_counts_by_grant_type_account_and_outcome() -> None:
    journal = Journal(lambda: 5.0)
    for hub_id, outcome, fault in ((1, "ok", None), (1, "ok", "reset"), (2, "BAD_HUB", None)):
        entry = journal.open(Entry("token", "POST", "/oauth/v3/token", "refresh_token", hub_id))
        journal.close(entry, 200, outcome, fault)

    counters = journal.counters()

    assert counters["calls"] == 3
    assert counters["by_grant_type"] == {"refresh_token": {"ok": 1, "fault:reset/ok": 1, "BAD_HUB": 1}}
    assert counters["by_hub_id"]["2"] == {"refresh_token:BAD_HUB": 1}
    assert journal.counters(by_hub_id=False)["by_hub_id"] == {}


def test_the_journal_is_read_by_number_account_and_limit() -> None:
    journal = Journal(lambda: 5.0)
    for hub_id in (1, 2, 1, 2):
        journal.note(Entry("authorize", "GET", "/", hub_id=hub_id), 200, "shown")

    assert [entry["number"] for entry in journal.entries(after=1, limit=2)] == [3, 4]
    assert [entry["number"] for entry in journal.entries(hub_id=1)] == [1, 3]
    assert journal.entries(limit=0) == []


def test_the_most_calls_at_one_time_are_counted() -> None:
    journal = Journal(lambda: 5.0)
    entries = [journal.open(Entry("token", "POST", "/")) for _ in range(3)]
    for entry in entries:
        journal.close(entry, 200, "ok")

    journal.note(Entry("token", "POST", "/"), 200, "ok")

    assert journal.counters()["peak_in_flight"] == 3


def test_the_journal_keeps_fingerprints_instead_of_secrets() -> None:
    entry = Entry("token", "POST", "/")

    entry.fingerprint({"code": "secret-code", "refresh_token": None})

    assert entry.fingerprints == {"code": "8c198a645237"}
    assert "secret-code" not in repr(entry)
