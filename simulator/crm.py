"""The contacts, companies and deals of simulated accounts. Records live in memory, also while the app is not installed.

Shapes, defaults and limits are those of HubSpot's documented object and search endpoints. Assumed: the order of a list,
which is that of the ids; and that a requested property nobody has set is null.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simulator.answers import DataError
from simulator.crm_search import as_text, comparable, invalid, items, matches, number
from simulator.portals import Account

MOST_LISTED, MOST_FOUND, DEFAULT_LIMIT = 100, 200, 10
_SEEDED_AT = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
_IDS_AN_ACCOUNT = 1000

# Which names an account has depends on its number, so that a mix-up of two accounts shows.
_PEOPLE = (
    ("Ada", "Lovelace"),
    ("Grace", "Hopper"),
    ("Alan", "Turing"),
    ("Katherine", "Johnson"),
    ("Edsger", "Dijkstra"),
    ("Barbara", "Liskov"),
    ("Donald", "Knuth"),
    ("Margaret", "Hamilton"),
)
_COMPANIES = ("Analytical Engines", "Compilers & Sons", "Enigma Works", "Orbit Mechanics", "Shortest Paths")
_CONTACTS_EACH, _COMPANIES_EACH, _DEALS_EACH = 3, 2, 2


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of object. `shown` are the properties of an answer that asks for none; `always` are in every answer."""

    name: str
    always: tuple[str, ...]
    shown: tuple[str, ...]

    @property
    def modified(self) -> str:
        """The property that holds the time of the last change."""
        return self.always[-1]


KINDS = {
    kind.name: kind
    for kind in (
        Kind("contacts", ("createdate", "hs_object_id", "lastmodifieddate"), ("email", "firstname", "lastname")),
        Kind("companies", ("createdate", "hs_object_id", "hs_lastmodifieddate"), ("domain", "name")),
        Kind(
            "deals",
            ("createdate", "hs_object_id", "hs_lastmodifieddate"),
            ("amount", "closedate", "dealname", "dealstage", "pipeline"),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Record:
    """One object of an account; `properties` are those that are set, all of them texts, as HubSpot sends them."""

    record_id: int
    kind: Kind
    properties: Mapping[str, str]
    at: str

    def document(self, wanted: Iterable[str] = ()) -> dict[str, Any]:
        """Show the record with the wanted properties, or with those its kind shows."""
        names = [*self.kind.always, *(wanted or self.kind.shown)]
        properties = {name: self.properties.get(name) for name in sorted(set(names))}
        return {
            "id": str(self.record_id),
            "properties": properties,
            "createdAt": self.at,
            "updatedAt": self.at,
            "archived": False,
        }


@dataclass(slots=True)
class Crm:
    """Every account's records. Callers hold the simulator's lock."""

    clock: Callable[[], float]
    _records: dict[int, dict[str, list[Record]]] = field(default_factory=dict)
    _next_ids: dict[int, int] = field(default_factory=dict)

    def page(self, account: Account, kind: Kind, query: Mapping[str, str]) -> dict[str, Any]:
        """A page in the order of the ids; `after` is the id that the page before ended with."""
        limit = number(query.get("limit", str(DEFAULT_LIMIT)), "limit", 1, MOST_LISTED)
        after = number(query.get("after", "0"), "after", 0)
        later = [record for record in self._of(account, kind) if record.record_id > after]
        page = _page(later[:limit], _names(query.get("properties")))
        if len(later) > limit:
            last = str(later[limit - 1].record_id)
            page["paging"] = {"next": {"after": last, "link": f"?after={last}"}}
        return page

    def one(self, account: Account, kind: Kind, record_id: str, query: Mapping[str, str]) -> dict[str, Any]:
        """The record whose id this is, or whose `idProperty` has this value."""
        name = query.get("idProperty", "hs_object_id")
        for record in self._of(account, kind):
            if record.properties.get(name) == record_id:
                return record.document(_names(query.get("properties")))
        raise DataError(404, "OBJECT_NOT_FOUND", "resource not found")

    def search(self, account: Account, kind: Kind, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The records that match one of the filter groups and the query; `after` counts the ones already had."""
        limit = number(asked.get("limit", DEFAULT_LIMIT), "limit", 1, MOST_FOUND)
        after = number(asked.get("after") or 0, "after", 0)
        matching = [record for record in self._of(account, kind) if matches(record.properties, asked)]
        for sort in reversed(items(asked, "sorts")):
            name, backwards = str(sort.get("propertyName")), sort.get("direction") == "DESCENDING"
            matching.sort(key=lambda record: comparable(record.properties.get(name, "")), reverse=backwards)
        found = {"total": len(matching), **_page(matching[after : after + limit], items(asked, "properties"))}
        if len(matching) > after + limit:
            found["paging"] = {"next": {"after": str(after + limit)}}
        return found

    def create(self, account: Account, kind: Kind, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Add a record; a contact's e-mail address is unique in its account."""
        given = asked.get("properties")
        if not isinstance(given, dict) or not all(isinstance(value, str | int | float) for value in given.values()):
            raise invalid("properties must be an object of texts, numbers and booleans")
        properties = {str(name): as_text(value) for name, value in given.items()}
        if kind.name == "contacts" and (email := properties.get("email", "").lower()):
            properties["email"] = email
            for other in self._of(account, kind):
                if other.properties.get("email") == email:
                    raise DataError(409, "CONFLICT", f"Contact already exists. Existing ID: {other.record_id}")
        return self._add(account, kind, properties, datetime.fromtimestamp(self.clock(), UTC)).document(properties)

    def _of(self, account: Account, kind: Kind) -> list[Record]:
        if account.hub_id not in self._records:
            self._records[account.hub_id] = {name: [] for name in KINDS}
            self._seed(account)
        return self._records[account.hub_id][kind.name]

    def _seed(self, account: Account) -> None:
        first = account.hub_id
        for place in range(first, first + _CONTACTS_EACH):
            given, family = _PEOPLE[place % len(_PEOPLE)]
            email = f"{given}.{family}@{account.domain}".lower()
            contact = {"firstname": given, "lastname": family, "email": email}
            self._add(account, KINDS["contacts"], contact, _SEEDED_AT)
        for place in range(first, first + _COMPANIES_EACH):
            name = _COMPANIES[place % len(_COMPANIES)]
            domain = f"{name.split()[0].lower()}.example"
            self._add(account, KINDS["companies"], {"name": name, "domain": domain}, _SEEDED_AT)
        for place in range(1, _DEALS_EACH + 1):
            deal = {"dealname": f"Deal {place} of {account.name}", "amount": str(1000 * place)}
            deal |= {"dealstage": "appointmentscheduled", "pipeline": "default", "closedate": _written(_SEEDED_AT)}
            self._add(account, KINDS["deals"], deal, _SEEDED_AT)

    def _add(self, account: Account, kind: Kind, properties: Mapping[str, str], at: datetime) -> Record:
        # Ids of two accounts never meet: HubSpot's are unique, and a mix-up of two accounts shows.
        record_id = self._next_ids.get(account.hub_id, account.hub_id * _IDS_AN_ACCOUNT + 1)
        self._next_ids[account.hub_id] = record_id + 1
        written = _written(at)
        own = {"createdate": written, "hs_object_id": str(record_id), kind.modified: written}
        record = Record(record_id, kind, {**properties, **own}, written)
        self._of(account, kind).append(record)
        return record


def _page(records: Iterable[Record], wanted: Iterable[str]) -> dict[str, Any]:
    names = [str(name) for name in wanted]
    return {"results": [record.document(names) for record in records]}


def _names(listed: str | None) -> list[str]:
    return [name for name in (listed or "").split(",") if name]


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
