"""Scopes in a person's words."""

import pytest

from hubspot_oauth.install.scope_words import words_of


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("crm.objects.contacts.read", "see contacts"),
        ("crm.objects.line_items.write", "change line items"),
        ("crm.schemas.deals.read", "see the properties of deals"),
        ("crm.lists.write", "change lists"),
        ("tickets", "see and change tickets"),
        ("oauth", "connect to your account"),
        ("crm.objects.contacts.highly_sensitive.read", ""),
        ("business-intelligence", ""),
        ("<b>", ""),
    ],
)
def test_what_is_known_of_a_scope_is_said_and_nothing_is_made_up(scope: str, words: str) -> None:
    assert words_of(scope) == words
