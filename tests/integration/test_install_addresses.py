"""Whatever a stranger puts into the address: no 5xx, nothing of theirs on a page, no redirect elsewhere."""

from urllib.parse import quote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubspot_oauth.install.signed_state import read_state
from tests.support.browser_reading import query_of
from tests.support.deployed_site import EXAMPLES_AT_LEAST, STATE_KEY, Site, tries
from tests.support.hostile_addresses import (
    ALLOWED,
    BYPASSES,
    HUB_IDS,
    MARKUP,
    addresses,
    on_hubspots_hosts,
    origin_for_a_browser,
    queries,
    text,
)
from tests.support.product_visitor import location, refusal_of

pytestmark = [
    pytest.mark.takes(seconds=35),
    pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning"),
]

#: How many examples each property tries.
EXAMPLES = {"install": 1500, "callback": 1500, "return_to": 700, "returnUrl": 700, "hub_id": 500}


START = queries(
    hub_id=st.sampled_from(["100001", "7", *HUB_IDS]), return_to=addresses, state=text, link=text, bounced=st.just("1")
)
ARRIVAL = queries(
    code=text,
    state=text,
    returnUrl=addresses,
    step=st.sampled_from(["authorize", "finalize"]),
    error=st.sampled_from(["access_denied", "server_error"]) | text,
)


@tries(EXAMPLES["install"])
@given(query=START, host=st.sampled_from(["localhost", "abc.execute-api.eu-central-1.amazonaws.com"]))
@example("hub_id=1&hub_id=2", "localhost")
@example("return_to=https%3A%2F%2Fapp.example.com&return_to=https%3A%2F%2Fevil.test", "localhost")
@example("&".join(f"a{n}=1" for n in range(41)), "localhost")
@example("state=%00", "localhost")
@example("state=%ff%fe", "localhost")
@example("return_to", "localhost")
@example("=" * 99, "localhost")
@example(f"link={'.' * 9}", "localhost")
@example("bounced=1&return_to=https%3A%2F%2Fevil.test", "abc.execute-api.eu-central-1.amazonaws.com")
def test_any_query_of_install_gets_a_plain_page_or_a_redirect_to_where_it_may_lead(
    site: Site, query: str, host: str
) -> None:
    site.open("/install", query, [], host)


@tries(EXAMPLES["callback"])
@given(query=ARRIVAL, host=st.sampled_from(["localhost", "abc.execute-api.eu-central-1.amazonaws.com"]))
@example("code=a&code=b&returnUrl=https%3A%2F%2Fapp.hubspot.com", "localhost")
@example("code=a&returnUrl=https%3A%2F%2Fapp.hubspot.com&returnUrl=https%3A%2F%2Fevil.test", "localhost")
@example(f"error={quote(MARKUP)}&error_description={quote(MARKUP)}", "localhost")
@example("step=authorize&returnUrl=%2F%2Fapp.hubspot.com", "localhost")
@example("step=finalize&code=a&state=b&returnUrl=javascript:alert(1)", "localhost")
@example("code=%ff", "localhost")
@example("state=.&code=x", "localhost")
@example("state=.a.b&code=x", "localhost")
@example("state=%F0%9F%98%80.x&code=x", "localhost")
def test_any_query_of_the_callback_gets_a_plain_page_or_a_redirect_to_where_it_may_lead(
    site: Site, query: str, host: str
) -> None:
    site.open("/oauth-callback", query, [], host)


@pytest.mark.parametrize("address", [a for a in dict.fromkeys(BYPASSES) if a])
def test_a_classic_bypass_is_refused_as_return_to_and_as_return_url(site: Site, address: str) -> None:
    returned = site.open("/install", f"return_to={quote(address, safe='')}", [])
    signed_in = site.open("/oauth-callback", f"step=authorize&returnUrl={quote(address, safe='')}", [])
    seamless = site.open("/oauth-callback", f"code=an-unspent-code&returnUrl={quote(address, safe='')}", [])

    assert refusal_of(returned) in {"return_to_not_allowed", "invalid_request"}
    assert refusal_of(signed_in) == refusal_of(seamless)
    assert refusal_of(seamless) in {"return_url_not_allowed", "invalid_request"}


@tries(EXAMPLES["return_to"])
@given(address=addresses)
def test_return_to_is_accepted_only_where_a_browser_stays_on_an_allowed_origin(site: Site, address: str) -> None:
    answer = site.open("/install", f"return_to={quote(address, safe='')}", [])

    if answer["statusCode"] == 302 and address:
        assert origin_for_a_browser(address) == ALLOWED
        signed = query_of(location(answer))["state"]
        assert read_state(signed, [STATE_KEY]).return_to == address


@tries(EXAMPLES["returnUrl"])
@given(address=addresses)
def test_return_url_is_accepted_only_where_a_browser_stays_on_hubspots_hosts(site: Site, address: str) -> None:
    answer = site.open("/oauth-callback", f"step=authorize&returnUrl={quote(address, safe='')}", [])

    if answer["statusCode"] == 302:
        assert on_hubspots_hosts(address)
        assert location(answer).startswith(address.partition("#")[0])


@tries(EXAMPLES["hub_id"])
@given(value=st.sampled_from(HUB_IDS) | st.integers(0, 10**17).map(str) | st.from_regex(r"\A\d{1,17}\Z") | text)
@example("0123")
@example("+123")
@example("1_23")
@example("１２３")
@example("1" * 16)
def test_hub_id_is_taken_only_as_plain_digits_and_letter_by_letter(site: Site, value: str) -> None:
    answer = site.open("/install", f"hub_id={quote(value, safe='')}", [])

    plain = 1 <= len(value) <= 16 and set(value) <= set("0123456789") and value[0] != "0"
    assert (answer["statusCode"] == 302) == plain
    if plain:
        assert urlsplit(location(answer)).path == f"/oauth/{value}/authorize"


def test_this_files_share_of_five_thousand_examples_was_tried(whole_site: Site) -> None:
    assert sum(EXAMPLES_AT_LEAST.values()) >= 5_000
    assert whole_site.opened >= sum(EXAMPLES.values()) >= EXAMPLES_AT_LEAST["test_install_addresses"]


def test_the_examples_left_no_code_state_link_or_cookie_in_the_log(whole_site: Site) -> None:
    assert '"InstallsRefused"' in whole_site.log_text()
    assert whole_site.secrets
    assert whole_site.leaked() == []
