"""``POST /install-links`` makes a signed install link for the team's back end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubspot_oauth.adapters.api_gateway import Event, Query, Response, host_of, json_answer
from hubspot_oauth.api.request_bodies import object_in, text_in
from hubspot_oauth.api.signed_calls import SignedCalls
from hubspot_oauth.domain.account import MOST_REFERENCE, parse_hub_id
from hubspot_oauth.domain.api_errors import InvalidRequest
from hubspot_oauth.domain.clocks import Clock, iso
from hubspot_oauth.domain.install_state import LINK_SECONDS, InstallLink
from hubspot_oauth.domain.urls import MOST_URL
from hubspot_oauth.install.links import MOST_LINK, Links

_FIELDS = frozenset({"client_reference_id", "hub_id", "return_to", "hubspot_return_url"})


@dataclass(kw_only=True)
class InstallLinksRoute:
    links: Links
    signed_calls: SignedCalls
    clock: Clock

    def answer(self, event: Event) -> Response:
        """Answer with the link and its expiry time, or with a problem. The link is not stored."""

        def make(_: Query) -> Response:
            link = asked_link(event, int(self.clock()))
            url = self.links.make(link, host_of(event))
            return json_answer(201, {"url": url, "expires_at": iso(link.expires_at)})

        return self.signed_calls.answer(event, make)


def asked_link(event: Event, now: int) -> InstallLink:
    """The install link that the request's body describes. It expires a week after ``now`` (epoch seconds).

    Raises:
        InvalidRequest: The body is not a JSON object, or a field is unknown or malformed.
    """
    content = object_in(event, _FIELDS)
    return InstallLink(
        expires_at=now + LINK_SECONDS,
        client_reference_id=text_in(content, "client_reference_id", MOST_REFERENCE),
        hub_id=_hub_id(content),
        return_to=text_in(content, "return_to", MOST_URL),
        hubspot_return_url=text_in(content, "hubspot_return_url", MOST_LINK),
    )


def _hub_id(content: Mapping[str, Any]) -> int | None:
    value = content.get("hub_id")
    if value is None:
        return None
    number = parse_hub_id(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    if number is None:
        raise InvalidRequest("hub_id is not an account's number.", field="hub_id")
    return number
