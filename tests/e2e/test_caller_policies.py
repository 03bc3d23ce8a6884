"""The policies of docs/callers.md: each allows what its heading says, and the twin's gateway refuses all else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulator import ACCOUNT_ID, REGION
from tests.support.twin_client import ACME, BEISPIEL, TwinClient
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor

PAGE = Path(__file__).parents[2] / "docs" / "callers.md"
_BLOCK = re.compile(r"^( *)```json\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CALLS = {
    "token of Acme": ("GET", f"/accounts/{ACME}/token"),
    "token of Beispiel": ("GET", f"/accounts/{BEISPIEL}/token"),
    "accounts": ("GET", "/accounts"),
    "one account": ("GET", f"/accounts/{ACME}"),
    "install link": ("POST", "/install-links"),
    "disconnect": ("DELETE", "/accounts/7"),
}


def documents() -> list[dict[str, Any]]:
    """Every policy of the page, trust policies included, in its order."""
    return [json.loads(body) for _, body in _BLOCK.findall(PAGE.read_text(encoding="utf-8"))]


def callers_policies() -> dict[str, dict[str, Any]]:
    return {
        document["Statement"][0]["Sid"]: document
        for document in documents()
        if document["Statement"][0]["Action"] == "execute-api:Invoke"
    }


def api_id(twin: TwinClient) -> str:
    [api] = twin.aws("apigatewayv2").get_apis()["Items"]
    return str(api["ApiId"])


def filled(document: dict[str, Any], twin: TwinClient) -> dict[str, Any]:
    """The policy with this twin's names in place of the page's."""
    text = json.dumps(document)
    for name, value in {
        "REGION": REGION,
        "ACCOUNT": ACCOUNT_ID,
        "API-ID": api_id(twin),
        "HUB-ID": str(ACME),
    }.items():
        text = text.replace(name, value)
    return dict(json.loads(text))


@pytest.fixture(scope="module")
def installed(shared_twin: TwinProcess) -> Iterator[TwinProcess]:
    visitor = TwinVisitor(shared_twin)
    visitor.install(ACME)
    visitor.install(BEISPIEL)
    yield shared_twin
    shared_twin.remove_accounts()


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        ("TokensOfEveryAccount", {"token of Acme", "token of Beispiel"}),
        ("TokensOfOneAccount", {"token of Acme"}),
        ("SeeAccounts", {"accounts", "one account"}),
        ("ConnectAndDisconnect", {"install link", "disconnect"}),
    ],
)
def test_a_policy_of_the_page_allows_what_it_says_and_nothing_else(
    installed: TwinProcess, policy: str, allowed: set[str]
) -> None:
    limited = installed.limited_to(filled(callers_policies()[policy], installed))

    answers = {name: limited.call(path, method).status_code for name, (method, path) in CALLS.items()}

    assert {name for name, status in answers.items() if status != 403} == allowed
    assert {status for name, status in answers.items() if name in allowed} <= {200, 201, 404}


def test_every_policy_of_the_page_is_tried() -> None:
    assert set(callers_policies()) == {
        "TokensOfEveryAccount",
        "TokensOfOneAccount",
        "SeeAccounts",
        "ConnectAndDisconnect",
    }


def test_a_trust_policy_of_the_page_names_exactly_one_workload() -> None:
    trusting = [document for document in documents() if "Principal" in document["Statement"][0]]

    assert len(trusting) == 2
    for document in trusting:
        [statement] = document["Statement"]
        assert "*" not in json.dumps(statement)
        federated = "Federated" in statement["Principal"]
        assert federated == any(key.endswith(":sub") for key in statement.get("Condition", {}).get("StringEquals", {}))
