"""Sealing under a real AES-GCM and moto's KMS, which binds the encryption context as AWS does."""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from hubspot_oauth.adapters import vault as vault_module
from hubspot_oauth.domain.account import Account, Binding, GrantKey, Status
from hubspot_oauth.domain.api_errors import TokensUnreadable, VaultUnavailable
from hubspot_oauth.domain.tokens import Tokens
from tests.support.lambda_events import token_event
from tests.support.stack import Clock, Stack, a_minute, record_calls

TOKENS = Tokens("access-" + "a" * 6000, "na1-" + "r" * 6000)
SHORT = Tokens("a", "r")


def sealed_account(stack: Stack, tokens: Tokens = TOKENS) -> Account:
    """Account 1, with these tokens sealed for its install ``i``."""
    key, install_id = GrantKey.of_account(1), "i"
    return Account(
        key=key,
        install_id=install_id,
        version=1,
        status=Status.ACTIVE,
        sealed=stack.vault.sealer().seal(tokens, key, install_id),
        scopes=("oauth",),
        issued_at=0,
        expires_at=1800,
        installed_at=0,
        binding=Binding.BOUND,
    )


def another_container(stack: Stack, clock: Clock, **environment: str) -> Stack:
    """The same product in a container that has no data key yet."""
    return Stack({**stack.environment, **environment}, clock)


def unreadable(stack: Stack) -> list[dict[str, object]]:
    """What was reported of rows that do not open."""
    return [said for name, _, said in stack.reports.entries if name == "TokensUnreadable"]


def test_tokens_longer_than_kms_itself_takes_come_back(stack: Stack) -> None:
    assert stack.vault.unseal(sealed_account(stack)) == TOKENS


def test_the_blob_shows_nothing_of_the_tokens(stack: Stack) -> None:
    blob = sealed_account(stack).sealed

    assert b"aaaa" not in blob
    assert b"na1-" not in blob


@pytest.mark.parametrize(
    "changes",
    [{"key": GrantKey.of_account(2)}, {"install_id": "j"}, {"key": GrantKey(1, "user-7")}],
    ids=["account", "install", "holder"],
)
def test_tokens_do_not_open_for_another_account_or_install(stack: Stack, changes: dict[str, Any]) -> None:
    moved = replace(sealed_account(stack), **changes)

    with pytest.raises(TokensUnreadable):
        stack.vault.unseal(moved)


def test_a_blob_opens_for_the_holder_it_was_sealed_for_and_no_other_of_the_account(stack: Stack) -> None:
    theirs = GrantKey(1, "user-7")
    blob = stack.vault.sealer().seal(TOKENS, theirs, "i")
    account = replace(sealed_account(stack), sealed=blob)

    assert stack.vault.unseal(replace(account, key=theirs)) == TOKENS
    with pytest.raises(TokensUnreadable):
        stack.vault.unseal(account)


def test_tokens_do_not_open_for_another_app(stack: Stack, clock: Clock) -> None:
    account = sealed_account(stack)
    other = another_container(stack, clock, HUBSPOT_CLIENT_ID="another-app")

    with pytest.raises(TokensUnreadable):
        other.vault.unseal(account)


def test_no_byte_of_a_blob_can_be_changed(stack: Stack) -> None:
    account = sealed_account(stack, SHORT)
    blob = account.sealed

    for position in range(len(blob)):
        changed = blob[:position] + bytes([blob[position] ^ 1]) + blob[position + 1 :]
        with pytest.raises((TokensUnreadable, VaultUnavailable)):  # moto reads a key's id in the wrapped key
            stack.vault.unseal(replace(account, sealed=changed))


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 50, 120])
def test_a_blob_cut_short_is_unreadable(stack: Stack, cut: int) -> None:
    account = sealed_account(stack, SHORT)

    with pytest.raises(TokensUnreadable):
        stack.vault.unseal(replace(account, sealed=account.sealed[:cut]))


@pytest.mark.parametrize(
    "changes",
    [{"install_id": "j"}, {"sealed": b""}, {"sealed": b"\x01\x00\x06cutoff"}],
    ids=["moved", "no format", "cut short"],
)
def test_a_row_that_does_not_open_is_counted_once(stack: Stack, changes: dict[str, Any]) -> None:
    account = replace(sealed_account(stack), **changes)

    with pytest.raises(TokensUnreadable) as caught:
        stack.vault.unseal(account)

    assert unreadable(stack) == [{"hub_id": 1, "detail": caught.value.detail}]


def test_a_row_whose_data_key_is_not_ours_is_counted_once(stack: Stack, clock: Clock) -> None:
    account = sealed_account(stack)
    other = another_container(stack, clock, HUBSPOT_CLIENT_ID="another-app")

    with pytest.raises(TokensUnreadable):
        other.vault.unseal(account)

    assert other.reports.total("TokensUnreadable") == 1


def test_a_row_that_opens_or_that_kms_does_not_open_today_is_not_counted(stack: Stack, clock: Clock) -> None:
    account = sealed_account(stack)
    stack.vault.unseal(account)
    reader = another_container(stack, clock)
    with Stubber(reader.kms) as kms:
        kms.add_client_error("decrypt", "ThrottlingException")
        with pytest.raises(VaultUnavailable):
            reader.vault.unseal(account)

    assert unreadable(stack) == unreadable(reader) == []


def test_a_caller_is_told_of_a_row_that_does_not_open_and_it_is_counted_once(stack: Stack) -> None:
    blob = stack.vault.sealer().seal(TOKENS, GrantKey.of_account(2), "install-2")
    stack.store(1, TOKENS, sealed=blob)

    answer = stack.token_route.answer(token_event(1), a_minute)

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (500, "tokens_unreadable")
    assert stack.reports.total("TokensUnreadable") == 1


def test_the_schedule_counts_a_row_that_does_not_open_once_a_try(stack: Stack, clock: Clock) -> None:
    blob = stack.vault.sealer().seal(TOKENS, GrantKey.of_account(2), "install-2")
    stack.store(1, TOKENS, sealed=blob)
    clock.forward(1300)

    stack.tick()

    assert [said["hub_id"] for said in unreadable(stack)] == [1]


def test_a_data_key_serves_many_seals_and_is_bounded_by_age(stack: Stack, clock: Clock) -> None:
    calls = record_calls(stack.kms)

    for _ in range(50):
        stack.vault.sealer().seal(TOKENS, GrantKey.of_account(1), "i")
    clock.forward(vault_module.KEY_SECONDS)
    stack.vault.sealer()

    assert calls == ["GenerateDataKey", "GenerateDataKey"]


def test_a_data_key_is_bounded_by_uses(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "KEY_USES", 3)
    calls = record_calls(stack.kms)

    for _ in range(7):
        stack.vault.sealer()

    assert calls == ["GenerateDataKey"] * 3


def test_opened_keys_are_cached_for_a_bounded_time(stack: Stack, clock: Clock) -> None:
    account = sealed_account(stack)
    reader = another_container(stack, clock)
    calls = record_calls(stack.kms)

    for _ in range(10):
        reader.vault.unseal(account)
    clock.forward(vault_module.OPENED_SECONDS)
    reader.vault.unseal(account)

    assert calls == ["Decrypt", "Decrypt"]


def test_kms_refusing_is_not_a_tampered_row(stack: Stack, clock: Clock) -> None:
    account = sealed_account(stack)
    reader = another_container(stack, clock)

    with Stubber(reader.kms) as kms:
        kms.add_client_error("decrypt", "ThrottlingException")
        kms.add_client_error("generate_data_key", "AccessDeniedException")

        with pytest.raises(VaultUnavailable) as not_opened:
            reader.vault.unseal(account)
        with pytest.raises(VaultUnavailable) as no_key:
            reader.vault.sealer()

    assert (not_opened.value.aws_code, no_key.value.aws_code) == ("ThrottlingException", "AccessDeniedException")
    assert not_opened.value.retry_after


def test_while_kms_does_not_answer_waiting_callers_fail_at_once(stack: Stack, clock: Clock) -> None:
    with Stubber(stack.kms) as kms:
        kms.add_client_error("generate_data_key", "KMSInternalException", http_status_code=500)
        for _ in range(8):
            with pytest.raises(VaultUnavailable, match="KMSInternalException") as caught:
                stack.vault.sealer()
            assert caught.value.aws_code == "KMSInternalException"
        kms.assert_no_pending_responses()

    clock.forward(vault_module.FAILED_SECONDS)

    assert stack.vault.sealer()


def test_no_secret_shows_in_a_repr_or_an_error(stack: Stack) -> None:
    account = replace(sealed_account(stack), key=GrantKey.of_account(2))

    with pytest.raises(TokensUnreadable) as caught:
        stack.vault.unseal(account)

    shown = repr(TOKENS) + repr(account) + str(caught.value) + repr(caught.value.__cause__)
    assert "aaaa" not in shown
    assert repr(account.sealed)[2:-1] not in shown
    assert not isinstance(caught.value.__cause__, ClientError)


def test_a_data_key_is_opened_with_the_stacks_own_key_and_for_its_own_app(stack: Stack, clock: Clock) -> None:
    account, reader = sealed_account(stack), another_container(stack, clock)
    asked: list[dict[str, Any]] = []
    real = reader.kms.decrypt

    def decrypt(**request: Any) -> Any:
        asked.append(request)
        return real(**request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader.kms, "decrypt", decrypt)
        reader.vault.unseal(account)

    [request] = asked
    settings = stack.settings
    assert (request["KeyId"], request["EncryptionContext"]) == (
        settings.kms_key_id,
        {"hubspot_client_id": settings.client_id},
    )
