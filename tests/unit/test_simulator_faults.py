"""Which calls a fault strikes, and how often."""

import pytest

from simulator.faults import Faults, parse_fault

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
