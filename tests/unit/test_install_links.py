"""What the body of ``POST /install-links`` may say."""

import base64
import json
from typing import Any, cast

import pytest

from hubspot_oauth.api.install_links import InstallLinksRoute, asked_link
from hubspot_oauth.api.signed_calls import SignedCalls
from hubspot_oauth.domain.account import MOST_REFERENCE
from hubspot_oauth.domain.api_errors import InvalidRequest
from hubspot_oauth.domain.install_state import LINK_SECONDS, InstallLink
from hubspot_oauth.domain.settings import Settings
from tests.support.lambda_events import signed_event
from tests.support.stack import ENVIRONMENT

NOW = 1_000


def asked(body: str | None, **event: Any) -> InstallLink:
    return asked_link({"body": body, **event}, NOW)


class LinksOnAPage:
    """In place of the signed links: what was asked for, to read."""

    def make(self, link: InstallLink, host: str) -> str:
        return f"https://{host}/{link}"


def test_a_link_made_within_a_second_expires_by_whole_seconds() -> None:
    route = InstallLinksRoute(
        links=cast(Any, LinksOnAPage()),
        signed_calls=SignedCalls(settings=Settings.from_env(ENVIRONMENT)),
        clock=lambda: NOW + 0.9,
    )

    answer = route.answer(signed_event("POST /install-links", body='{"hub_id": 123}', host="api.example.com"))

    assert answer["statusCode"] == 201
    assert json.loads(answer["body"]) == {
        "url": f"https://api.example.com/{InstallLink(NOW + LINK_SECONDS, hub_id=123)}",
        "expires_at": "1970-01-08T00:16:40Z",
    }


@pytest.mark.parametrize("body", [None, "", "{}", '{"hub_id": null, "return_to": null}'])
def test_every_field_may_be_left_out(body: str | None) -> None:
    assert asked(body) == InstallLink(NOW + LINK_SECONDS)


def test_every_field_that_is_given_is_in_the_link() -> None:
    said = {
        "client_reference_id": "Größe 7/b",
        "hub_id": 123,
        "return_to": "https://app.example.com/done",
        "hubspot_return_url": "https://app.hubspot.com/x",
    }

    assert asked(json.dumps(said)) == InstallLink(NOW + LINK_SECONDS, **said)  # type: ignore[arg-type]


def test_a_body_that_the_gateway_encoded_is_read() -> None:
    body = base64.b64encode(b'{"hub_id": "123"}').decode()

    assert asked(body, isBase64Encoded=True).hub_id == 123


@pytest.mark.parametrize("encoded", [False, True])
def test_a_body_with_a_byte_order_mark_is_read(encoded: bool) -> None:
    body = '\ufeff{"hub_id": 123}'

    given = base64.b64encode(body.encode()).decode() if encoded else body
    assert asked(given, isBase64Encoded=encoded).hub_id == 123


@pytest.mark.parametrize("hub_id", [0, -1, 1.0, True, "0123", "+123", "1_23", "１２３", "", [], 10**16, "1 "])
def test_a_hub_id_that_is_not_a_plain_number_is_refused(hub_id: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked(json.dumps({"hub_id": hub_id}))

    assert refused.value.members == {"field": "hub_id"}


@pytest.mark.parametrize("field", ["client_reference_id", "return_to", "hubspot_return_url"])
@pytest.mark.parametrize("value", ["", 7, ["x"], "line\nbreak", "null\0", "x" * 9000, "\ud800", "\u202ereversed"])
def test_a_value_that_is_not_plain_text_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked(json.dumps({field: value}))

    assert refused.value.members == {"field": field}


def test_a_reference_has_a_greatest_length() -> None:
    assert asked(json.dumps({"client_reference_id": "x" * MOST_REFERENCE})).client_reference_id
    with pytest.raises(InvalidRequest):
        asked(json.dumps({"client_reference_id": "x" * (MOST_REFERENCE + 1)}))


@pytest.mark.parametrize(
    "body", ["not json", "[]", "7", "null", '"text"', "[" * 100_000, '{"hub_id": ' + "1" * 5_000 + "}", '{"hubid": 1}']
)
def test_a_body_of_another_kind_is_refused_calmly(body: str) -> None:
    with pytest.raises(InvalidRequest):
        asked(body)


@pytest.mark.parametrize("body", ["%%%", base64.b64encode(b"\xff\xfe{").decode()])
def test_an_encoded_body_of_another_kind_is_refused_calmly(body: str) -> None:
    with pytest.raises(InvalidRequest):
        asked(body, isBase64Encoded=True)
