"""What the journal keeps and counts."""

from simulator.journal import Entry, Journal


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
