"""What was signed comes back unaltered or not at all: states, links, cookies, and the longest values allowed."""

import json
from random import Random
from string import ascii_letters
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubspot_oauth.domain.account import MOST_REFERENCE
from hubspot_oauth.domain.urls import MOST_URL
from hubspot_oauth.install.parsed_queries import MOST_CALLER_STATE
from hubspot_oauth.install.signed_state import read_link, read_state
from tests.support.browser_reading import query_of
from tests.support.deployed_site import EXAMPLES_AT_LEAST, STATE_KEY, Site, tries
from tests.support.hostile_addresses import ALLOWED, origin_for_a_browser, text
from tests.support.product_visitor import location, refusal_of

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")

MOST_OF_A_REQUEST = 10_240  # API Gateway's quota: the request line and the values of all headers
BROWSERS_OWN_HEADERS = 2_500  # what a browser sends of its own accord, and a dozen of our cookies
LONGEST_CODE = 1_024
#: How many examples each property tries.
EXAMPLES = {"altered state": 500, "altered link": 500, "cookies": 300, "walk": 60}


alterations = st.tuples(st.sampled_from(["replace", "insert", "delete", "cut"]), st.integers(0, 2000), text)


def altered(value: str, alteration: tuple[str, int, str]) -> str:
    how, position, put = alteration
    at = position % len(value)
    return {
        "replace": value[:at] + (put or "A")[0] + value[at + 1 :],
        "insert": value[:at] + put + value[at:],
        "delete": value[:at] + value[at + 1 :],
        "cut": value[:at],
    }[how]


@tries(EXAMPLES["altered state"])
@given(alteration=alterations)
@example(("replace", -1, "A"))
@example(("insert", 0, "."))
@example(("insert", -1, "="))
def test_an_altered_state_is_refused_or_says_what_was_signed(site: Site, alteration: tuple[str, int, str]) -> None:
    signed = query_of(site.start("hub_id=7&state=theirs"))["state"]
    sent = altered(signed, alteration)

    answer = site.open("/oauth-callback", f"code=unknown&state={quote(sent, safe='')}")

    if sent and refusal_of(answer) not in {"state_invalid", "invalid_request"}:
        assert read_state(sent, [STATE_KEY]) == read_state(signed, [STATE_KEY])


@tries(EXAMPLES["altered link"])
@given(alteration=alterations)
def test_an_altered_link_is_refused_or_says_what_was_signed(site: Site, alteration: tuple[str, int, str]) -> None:
    url = json.loads(site.make_link(client_reference_id="customer-1", hub_id=7)["body"])["url"]
    signed = query_of(url)["link"]
    sent = altered(signed, alteration)

    answer = site.open("/install", f"link={quote(sent, safe='')}", [])

    if sent and refusal_of(answer) not in {"link_invalid", "invalid_request"}:
        assert read_link(sent, [STATE_KEY]) == read_link(signed, [STATE_KEY])


@tries(EXAMPLES["cookies"])
@given(cookies=st.lists(text | text.map("hubspot-install-".__add__), max_size=4), value=text)
def test_no_cookie_but_the_one_that_was_set_finishes_an_install(site: Site, cookies: list[str], value: str) -> None:
    at_hubspot = site.start()
    [name] = site.cookies

    answer = site.open(
        "/oauth-callback", f"code=x&state={query_of(at_hubspot)['state']}", [*cookies, f"{name}={value}"]
    )

    assert refusal_of(answer) == "browser_mismatch"


@tries(EXAMPLES["walk"])
@given(
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='\\"'), max_size=80),
    state=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(str.isprintable),
)
def test_an_install_ends_at_return_to_with_the_callers_state_unchanged(site: Site, path: str, state: str) -> None:
    back = f"{ALLOWED}/{path}"
    query = site.consent(site.start(f"return_to={quote(back, safe='')}&state={quote(state, safe='')}"))

    landing = location(site.open("/oauth-callback", query))

    given_back = parse_qs(urlsplit(landing).query, keep_blank_values=True)
    assert origin_for_a_browser(landing) == ALLOWED
    assert landing.startswith(back.partition("#")[0])
    assert (given_back["hub_id"][-1], given_back["state"][-1]) == ("100001", state)


@pytest.mark.parametrize(
    ("hub_id", "letters"),
    [
        (100001, ascii_letters),
        (100002, "".join(map(chr, range(0xC0, 0x100)))),
        (100003, "".join(map(chr, range(0x20000, 0x2A000)))),
    ],
)
def test_an_install_that_may_be_started_can_be_finished_however_long_its_values(
    site: Site, hub_id: int, letters: str
) -> None:
    noise = Random(hub_id)  # values that do not compress
    reference = "".join(noise.choices(letters, k=MOST_REFERENCE))
    state = "".join(noise.choices(letters, k=MOST_CALLER_STATE // len(letters[-1].encode())))
    back = f"{ALLOWED}/" + "".join(noise.choices(ascii_letters, k=MOST_URL - len(ALLOWED) - 1))
    made = site.make_link(client_reference_id=reference, return_to=back)
    assert made["statusCode"] == 201

    asked = urlsplit(json.loads(made["body"])["url"]).query + f"&state={quote(state)}"
    at_hubspot = site.start(asked)
    returned = site.consent(at_hubspot, hub_id)
    again = site.open("/oauth-callback", f"error=access_denied&state={query_of(at_hubspot)['state']}")
    landing = location(site.open("/oauth-callback", returned))

    start_again = urlsplit(again["body"].split('class="button" href="')[1].split('"')[0].replace("&amp;", "&")).query
    longest_code = "c" * (LONGEST_CODE - len(query_of(f"?{returned}")["code"]))
    for query in (asked, start_again, returned + longest_code):
        assert len(query) + BROWSERS_OWN_HEADERS <= MOST_OF_A_REQUEST
    assert query_of(landing) == {"hub_id": str(hub_id), "state": state}


def test_this_files_share_of_five_thousand_examples_was_tried(whole_site: Site) -> None:
    assert sum(EXAMPLES_AT_LEAST.values()) >= 5_000
    assert whole_site.opened >= sum(EXAMPLES.values()) >= EXAMPLES_AT_LEAST["test_install_alterations"]


def test_the_examples_left_no_code_state_link_or_cookie_in_the_log(whole_site: Site) -> None:
    assert '"InstallsRefused"' in whole_site.log_text()
    assert '"InstallsCompleted"' in whole_site.log_text()
    assert len(whole_site.secrets) > EXAMPLES["walk"]
    assert whole_site.leaked() == []
