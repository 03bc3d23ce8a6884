"""The examples of layers/client/README.md, run against a twin and its simulated HubSpot."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest

from hubspot_tokens.client import DEFAULT, Client
from ops.template import ROOT
from tests.support.twin_client import ACME, BEISPIEL
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor

README = (ROOT / "layers" / "client" / "README.md").read_text(encoding="utf-8")
CONTACTS = "/crm/v3/objects/contacts"


@pytest.fixture(autouse=True)
def client(twin: TwinProcess, visitor: TwinVisitor, monkeypatch: pytest.MonkeyPatch) -> Client:
    """What `python -m local env` sets, and one account."""
    for name, value in twin.client_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    twin.remove_accounts()
    visitor.install(ACME)
    monkeypatch.setattr(DEFAULT, "_cache", Client()._cache)  # each test's own: the next may speak to another twin
    return DEFAULT


def example(function: str) -> Any:
    """The function of this name, from the page's example that defines it."""
    [block] = [b for b in re.findall(r"```python\n(.+?)```", README, re.DOTALL) if f"def {function}(" in b]
    names: dict[str, Any] = {}
    exec(compile(block, f"README, {function}", "exec"), names)  # noqa: S102 - our own page
    return names[function]


def test_a_contacts_first_name() -> None:
    assert example("first_name")(ACME) == "Grace"


def test_another_http_client() -> None:
    assert example("portal_id")(ACME) == ACME


def test_asyncio() -> None:
    assert asyncio.run(example("bearer")(ACME))["Authorization"].startswith("Bearer ")


def test_what_can_go_wrong(twin: TwinProcess, client: Client) -> None:
    contacts, url = example("contacts"), twin.hubspot_url + CONTACTS

    assert contacts(ACME, url) == "3 contacts"
    assert contacts(BEISPIEL, url) == "This customer has not connected HubSpot."
    twin.aws("dynamodb").update_item(
        TableName=twin.outputs["AccountsTableName"],
        Key={"hub_id": {"N": str(ACME)}, "holder": {"S": "account"}},
        UpdateExpression="SET #status = :dead",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":dead": {"S": "needs_reinstall"}},
    )
    client.forget(ACME)
    assert contacts(ACME, url) == f"Please connect HubSpot again: {twin.url}/install?hub_id={ACME}"


def test_every_function_of_the_page_is_tried() -> None:
    defined = re.findall(r"^(?:async )?def (\w+)\(", README, re.MULTILINE)

    assert defined == ["first_name", "portal_id", "bearer", "contacts"]


def test_the_readmes_way_to_a_contacts_name(twin: TwinProcess) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```\n(\.venv/bin/python -m local install .+?)```", page, re.DOTALL)
    lines = [line for line in block.splitlines() if "pip install" not in line]
    assert len(lines) == len(block.splitlines()) - 1
    script = "\n".join(lines).replace(".venv/bin/python", shlex.quote(sys.executable))
    script = script.replace("local install", f"local install --state-dir {shlex.quote(str(twin.state))}")
    script = script.replace("local env", f"local env --state-dir {shlex.quote(str(twin.state))}")

    done = subprocess.run(
        ["sh", "-ec", script],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "layers/client"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stdout.splitlines()[-1:] == ["Grace"], done.stderr
