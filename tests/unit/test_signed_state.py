"""Signed values: what was signed comes back, what was not does not."""

from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubspot_oauth.domain.install_state import InstallLink, InstallState, Kind
from hubspot_oauth.install.signed_state import (
    BadSignature,
    _compact,
    _serializer,
    read_link,
    read_state,
    sign_link,
    sign_state,
)

STATE = InstallState(
    kind=Kind.OWN,
    nonce="nonce",
    expires_at=1_000,
    browser="0" * 64,
    redirect_uri="https://example.com/oauth-callback",
    hub_id=7,
    return_to="https://app.example.com/done",
    caller_state="theirs",
    client_reference_id="customer-1",
)


def test_a_state_comes_back_as_it_was_signed() -> None:
    assert read_state(sign_state(STATE, ["key"]), ["key"]) == STATE


def test_a_state_signed_with_the_previous_key_is_still_read() -> None:
    signed = sign_state(STATE, ["previous"])

    assert read_state(signed, ["previous", "current"]) == STATE


def test_the_current_key_signs() -> None:
    signed = sign_state(STATE, ["previous", "current"])

    assert read_state(signed, ["current"]) == STATE


def test_a_state_signed_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(BadSignature):
        read_state(sign_state(STATE, ["other"]), ["key"])


def test_a_link_never_passes_for_a_state_nor_a_state_for_a_link() -> None:
    with pytest.raises(BadSignature):
        read_state(sign_link(InstallLink(1), ["key"]), ["key"])
    with pytest.raises(BadSignature):
        read_link(sign_state(STATE, ["key"]), ["key"])


@given(position=st.integers(0, 10_000), letter=st.sampled_from("abcXYZ019-_."))
def test_a_state_changed_in_one_place_is_refused_or_the_same(position: int, letter: str) -> None:
    signed = sign_state(STATE, ["key"])
    position %= len(signed)
    changed = signed[:position] + letter + signed[position + 1 :]

    try:
        read = read_state(changed, ["key"])
    except BadSignature:
        return

    # Base64's last character of the signature has spare bits; the content cannot differ.
    assert read == STATE


@given(st.text(max_size=200))
def test_any_text_is_refused_calmly(value: str) -> None:
    with pytest.raises(BadSignature):
        read_state(value, ["key"])


def signed_by_another_version(salt: str, content: dict[str, object]) -> str:
    return str(_serializer(["key"], salt).dumps(content))


def test_fields_of_a_later_version_are_passed_over() -> None:
    state = signed_by_another_version("install-state", {**_compact(STATE), "locale": "de"})
    link = signed_by_another_version("install-link", {"expires_at": 7, "locale": "de"})

    assert read_state(state, ["key"]) == STATE
    assert read_link(link, ["key"]) == InstallLink(7)


@pytest.mark.parametrize("content", [{"kind": "own"}, {**_compact(STATE), "kind": "later"}, {"nonce": "n"}, {}])
def test_a_state_of_another_version_that_cannot_be_read_is_refused_like_any_other(content: dict[str, object]) -> None:
    with pytest.raises(BadSignature):
        read_state(signed_by_another_version("install-state", content), ["key"])


def test_a_link_of_another_version_that_cannot_be_read_is_refused_like_any_other() -> None:
    with pytest.raises(BadSignature):
        read_link(signed_by_another_version("install-link", {"hub_id": 7}), ["key"])


def test_states_and_links_are_signed_with_sha_256() -> None:
    signed = [sign_state(STATE, ["key"]), sign_link(InstallLink(1), ["key"])]

    assert [len(urlsafe_b64decode(value.rpartition(".")[2] + "=")) for value in signed] == [32, 32]
