"""Sealing under a real AES-GCM and moto's KMS, which binds the encryption context as AWS does."""

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from hubspot_oauth.adapters import vault as vault_module
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.domain.errors import Unsealable, VaultError, VaultUnavailable
from hubspot_oauth.domain.models import Tokens
from tests.stack import Clock, Stack

TOKENS = Tokens("access-" + "a" * 6000, "na1-" + "r" * 6000)


def count_kms_calls(stack: Stack) -> list[str]:
    calls: list[str] = []
    stack.kms.meta.events.register("before-call.kms", lambda model, **_: calls.append(model.name))
    return calls


def test_tokens_longer_than_kms_itself_takes_come_back(stack: Stack) -> None:
    blob = stack.vault.sealer().seal(TOKENS, 1, "i")

    assert stack.vault.unseal(blob, 1, "i") == TOKENS


def test_the_blob_shows_nothing_of_the_tokens(stack: Stack) -> None:
    blob = stack.vault.sealer().seal(TOKENS, 1, "i")

    assert b"aaaa" not in blob
    assert b"na1-" not in blob


@pytest.mark.parametrize(("hub_id", "install_id"), [(2, "i"), (1, "j")])
def test_tokens_do_not_open_for_another_account_or_install(stack: Stack, hub_id: int, install_id: str) -> None:
    blob = stack.vault.sealer().seal(TOKENS, 1, "i")

    with pytest.raises(Unsealable):
        stack.vault.unseal(blob, hub_id, install_id)


def test_tokens_do_not_open_for_another_app(stack: Stack, clock: Clock) -> None:
    blob = stack.vault.sealer().seal(TOKENS, 1, "i")
    other = Vault(stack.kms, stack.settings.kms_key_id, "another-app", clock)

    with pytest.raises(Unsealable):
        other.unseal(blob, 1, "i")


def test_no_byte_of_a_blob_can_be_changed(stack: Stack) -> None:
    blob = stack.vault.sealer().seal(Tokens("a", "r"), 1, "i")

    for position in range(len(blob)):
        changed = blob[:position] + bytes([blob[position] ^ 1]) + blob[position + 1 :]
        with pytest.raises(VaultError):
            stack.vault.unseal(changed, 1, "i")


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 50, 120])
def test_a_blob_cut_short_is_unsealable(stack: Stack, cut: int) -> None:
    blob = stack.vault.sealer().seal(Tokens("a", "r"), 1, "i")

    with pytest.raises(Unsealable):
        stack.vault.unseal(blob[:cut], 1, "i")


def test_a_data_key_serves_many_seals_and_is_bounded_by_age(stack: Stack, clock: Clock) -> None:
    calls = count_kms_calls(stack)

    for _ in range(50):
        stack.vault.sealer().seal(TOKENS, 1, "i")
    clock.forward(vault_module.KEY_SECONDS)
    stack.vault.sealer()

    assert calls == ["GenerateDataKey", "GenerateDataKey"]


def test_a_data_key_is_bounded_by_uses(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "KEY_USES", 3)
    calls = count_kms_calls(stack)

    for _ in range(7):
        stack.vault.sealer()

    assert calls == ["GenerateDataKey"] * 3


def test_opened_keys_are_cached_for_a_bounded_time(stack: Stack, clock: Clock) -> None:
    blob = stack.vault.sealer().seal(TOKENS, 1, "i")
    reader = Vault(stack.kms, stack.settings.kms_key_id, stack.settings.client_id, clock)
    calls = count_kms_calls(stack)

    for _ in range(10):
        reader.unseal(blob, 1, "i")
    clock.forward(vault_module.OPENED_SECONDS)
    reader.unseal(blob, 1, "i")

    assert calls == ["Decrypt", "Decrypt"]


def test_kms_refusing_is_not_a_tampered_row(stack: Stack) -> None:
    blob = stack.vault.sealer().seal(TOKENS, 1, "i")
    reader = Vault(stack.kms, stack.settings.kms_key_id, stack.settings.client_id, stack.clock)

    with Stubber(stack.kms) as kms:
        kms.add_client_error("decrypt", "ThrottlingException")
        kms.add_client_error("generate_data_key", "AccessDeniedException")

        with pytest.raises(VaultUnavailable):
            reader.unseal(blob, 1, "i")
        with pytest.raises(VaultUnavailable):
            reader.sealer()


def test_while_kms_does_not_answer_the_others_do_not_ask_it_one_by_one(stack: Stack, clock: Clock) -> None:
    with Stubber(stack.kms) as kms:
        kms.add_client_error("generate_data_key", "KMSInternalException", http_status_code=500)
        for _ in range(8):
            with pytest.raises(VaultUnavailable, match="KMSInternalException"):
                stack.vault.sealer()
        kms.assert_no_pending_responses()

    clock.forward(vault_module.FAILED_SECONDS)

    assert stack.vault.sealer()


def test_no_secret_shows_in_a_repr_or_an_error(stack: Stack) -> None:
    blob = stack.vault.sealer().seal(TOKENS, 1, "i")

    with pytest.raises(Unsealable) as caught:
        stack.vault.unseal(blob, 2, "i")

    assert "aaaa" not in repr(TOKENS) + str(caught.value) + repr(caught.value.__cause__)
    assert not isinstance(caught.value.__cause__, ClientError)
