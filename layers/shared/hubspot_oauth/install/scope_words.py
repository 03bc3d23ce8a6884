"""Says in a person's words what a scope of HubSpot's allows. The words are ours."""

import re

_OBJECTS = re.compile(r"crm\.(?P<part>objects|schemas|lists|pipelines)\.?(?P<what>[a-z_]*)\.(?P<may>read|write)")
_MAY = {"read": "see", "write": "change"}
_WORDS = {
    "oauth": "connect to your account",
    "automation": "use workflows",
    "content": "see and change website pages and blog posts",
    "e-commerce": "see and change products and orders",
    "files": "see and change files",
    "forms": "see and change forms",
    "hubdb": "see and change HubDB tables",
    "sales-email-read": "see sales emails",
    "settings.users.read": "see users",
    "settings.users.write": "change users",
    "tickets": "see and change tickets",
    "timeline": "add events to timelines",
    "transactional-email": "send transactional emails",
    "crm.export": "export CRM data",
    "crm.import": "import CRM data",
}


def words_of(scope: str) -> str:
    """What ``scope`` allows, to follow "The app may"; empty when it is not known."""
    found = _OBJECTS.fullmatch(scope)
    if found is None:
        return _WORDS.get(scope, "")
    what = (found["what"] or "records").replace("_", " ")
    named = {"lists": "lists", "pipelines": f"pipelines of {what}", "schemas": f"the properties of {what}"}
    return f"{_MAY[found['may']]} {named.get(found['part'], what)}"
