"""The documented format: the product and the documented script agree on a fixed vector."""

import re
from pathlib import Path
from typing import Any

import pytest

from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.domain.models import Tokens

PAGE = (Path(__file__).parents[2] / "docs" / "sealing.md").read_text()
KEY = bytes(range(32))
WRAPPED = bytes.fromhex("776170706564")


class OneKey:
    """A KMS that knows one data key."""

    def generate_data_key(self, **asked: Any) -> dict[str, bytes]:
        assert asked["EncryptionContext"] == {"hubspot_client_id": "client-id-1"}
        return {"Plaintext": KEY, "CiphertextBlob": WRAPPED}

    def decrypt(self, **asked: Any) -> dict[str, bytes]:
        assert asked["CiphertextBlob"] == WRAPPED
        return {"Plaintext": KEY}


@pytest.fixture
def blob() -> bytes:
    found = re.search(r"\| blob \(hex\) \| `([0-9a-f]+)`", PAGE)
    assert found
    return bytes.fromhex(found[1])


@pytest.fixture
def vault() -> Vault:
    return Vault(OneKey(), "key", "client-id-1", lambda: 0.0)  # type: ignore[arg-type]


def test_the_product_opens_the_documented_blob(vault: Vault, blob: bytes) -> None:
    assert vault.unseal(blob, 123456, "install-1") == Tokens("access-token", "refresh-token")


def test_the_product_makes_the_documented_blob(vault: Vault, blob: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", lambda _: bytes.fromhex("0f0e0d0c0b0a090807060504"))

    assert vault.sealer().seal(Tokens("access-token", "refresh-token"), 123456, "install-1") == blob


def test_the_documented_script_opens_the_documented_blob(blob: bytes) -> None:
    script = PAGE.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {"__name__": "documented"}
    exec(script, names)  # noqa: S102 - the page's own script is what is tested

    tokens = names["decrypt"](blob, "client-id-1", 123456, "install-1", lambda _: KEY)

    assert tokens == ["access-token", "refresh-token"]
