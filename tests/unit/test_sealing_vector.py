"""The documented format: the product and the documented script agree on a fixed vector, and on a row of the table."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from moto import mock_aws

from hubspot_oauth.adapters.sealing import associated_data
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.domain.account import Account, Binding, GrantKey, Status
from hubspot_oauth.domain.tokens import Tokens
from tests.support.stack import Clock, Reports, Stack, create_resources

PAGE = (Path(__file__).parents[2] / "docs" / "sealing.md").read_text()
SCRIPT = PAGE.split("```python\n")[1].split("```")[0]
DATA_KEY = bytes(range(32))
WRAPPED = bytes.fromhex("776170706564")
KEY = GrantKey(123456, "account")
TOKENS = Tokens("access-token", "refresh-token")


class OneKey:
    """A KMS that knows one data key."""

    def generate_data_key(self, **asked: Any) -> dict[str, bytes]:
        assert asked["EncryptionContext"] == {"hubspot_client_id": "client-id-1"}
        return {"Plaintext": DATA_KEY, "CiphertextBlob": WRAPPED}

    def decrypt(self, **asked: Any) -> dict[str, bytes]:
        assert asked["EncryptionContext"] == {"hubspot_client_id": "client-id-1"}
        assert asked["CiphertextBlob"] == WRAPPED
        return {"Plaintext": DATA_KEY}


@pytest.fixture
def blob() -> bytes:
    return bytes.fromhex(documented("blob (hex)")[0])


@pytest.fixture
def vault() -> Vault:
    kms: Any = OneKey()
    return Vault(kms, key_id="key", client_id="client-id-1", report=Reports(), clock=lambda: 0.0)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The product on an AWS that the documented script finds by itself."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    monkeypatch.setattr("moto.kms.models.generate_private_key", lambda _: None)  # moto makes symmetric keys one as well
    with mock_aws():
        yield Stack(create_resources(), Clock())


def documented(name: str) -> list[str]:
    """The values in the vector's line of this name."""
    found = re.search(rf"^\| {re.escape(name)} \| (.*) \|$", PAGE, re.MULTILINE)
    assert found
    return re.findall("`([^`]+)`", found[1])


def account_with(blob: bytes) -> Account:
    """The account that the vector is about."""
    return Account(
        key=KEY,
        install_id="install-1",
        version=1,
        status=Status.ACTIVE,
        sealed=blob,
        scopes=("oauth",),
        issued_at=0,
        expires_at=1800,
        installed_at=0,
        binding=Binding.BOUND,
    )


def run_documented_script(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the page's script as a person would, with these arguments."""
    monkeypatch.setattr(sys, "argv", ["decrypt.py", *arguments])
    exec(SCRIPT, {"__name__": "__main__"})  # noqa: S102 - the page's own script is what is tested


def test_the_documented_vector_is_the_one_that_is_tested() -> None:
    assert documented("data key (hex)") == [DATA_KEY.hex()]
    assert documented("wrapped data key (hex)") == [WRAPPED.hex()]
    assert documented("client id, hub_id, holder, install_id") == ["client-id-1", "123456", "account", "install-1"]
    assert documented("tokens") == ["access-token", "refresh-token"]


def test_the_product_opens_the_documented_blob(vault: Vault, blob: bytes) -> None:
    assert vault.unseal(account_with(blob)) == TOKENS


def test_the_product_makes_the_documented_blob(vault: Vault, blob: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    nonce = bytes.fromhex(documented("nonce (hex)")[0])
    monkeypatch.setattr("os.urandom", lambda _: nonce)

    assert vault.sealer().seal(TOKENS, KEY, "install-1") == blob


def test_the_documented_associated_data_is_the_products() -> None:
    found = re.search(r"\*\*Associated data\*\*: the JSON array `(\[.*\])`", PAGE)
    assert found
    said = found[1]
    for name, value in {"client id": "client-id-1", "hub_id": "123456", "holder": "user-7", "install_id": "i"}.items():
        said = said.replace(f"<{name}>", value)

    assert said.encode() == associated_data("client-id-1", GrantKey(123456, "user-7"), "i")


def test_the_documented_script_opens_the_documented_blob(blob: bytes) -> None:
    names: dict[str, Any] = {"__name__": "documented"}
    exec(SCRIPT, names)  # noqa: S102 - the page's own script is what is tested
    key = {"hub_id": KEY.hub_id, "holder": KEY.holder}

    tokens = names["decrypt"](blob, "client-id-1", key, "install-1", lambda _: DATA_KEY)

    assert tokens == ["access-token", "refresh-token"]


def test_the_documented_script_finds_and_opens_a_row_of_the_table(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.store(KEY.hub_id, TOKENS)

    run_documented_script(monkeypatch, stack.settings.accounts_table, stack.settings.client_id, str(KEY.hub_id))

    assert json.loads(capsys.readouterr().out.replace("'", '"')) == ["access-token", "refresh-token"]


def test_the_documented_script_opens_no_row_that_was_sealed_for_another_account(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.store(KEY.hub_id, TOKENS)
    sealed_for = stack.account(KEY.hub_id)
    assert sealed_for
    stack.store(7, TOKENS, sealed=sealed_for.sealed, install_id=sealed_for.install_id)

    with pytest.raises(InvalidTag):
        run_documented_script(monkeypatch, stack.settings.accounts_table, stack.settings.client_id, "7")
