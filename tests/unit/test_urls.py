"""Which addresses a browser may be sent to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubspot_oauth.domain.account import parse_hub_id
from hubspot_oauth.domain.urls import add_query
from hubspot_oauth.install.allowed_destinations import agrees, on_hubspot, within

ORIGINS = ("https://app.example.com", "https://example.com:8443")
BYPASSES = (
    "//app.example.com",
    "\\\\app.example.com",
    "https:app.example.com",
    "https:/app.example.com/",
    "https://app.example.com.evil.test/",
    "https://app.example.com@evil.test/",
    "https://evil.test/https://app.example.com/",
    "https://user@app.example.com/",
    "https://app.example.com:443/",
    "https://app.example.com:8443/",
    "https://app.example.com\\@evil.test/",
    "https://app.example.com\t/",
    "https://app.example.com/\n",
    "https://app.example.com%2fevil",
    "https://app.example.com./",
    "https://APP.example.com/",
    "http://app.example.com/",
    "https://аpp.example.com/",
    "https://app。example.com/",
    " https://app.example.com/",
    "javascript:alert(1)//https://app.example.com/",
    "",
)


@pytest.mark.parametrize("url", BYPASSES)
def test_a_classic_bypass_is_not_within(url: str) -> None:
    assert not within(url, ORIGINS)


@pytest.mark.parametrize(
    "url", ["https://app.example.com", "https://app.example.com/done?x=1#y", "https://example.com:8443?a=b"]
)
def test_an_address_on_an_allowed_origin_is_within(url: str) -> None:
    assert within(url, ORIGINS)


@given(st.text(max_size=60))
def test_nothing_but_an_allowed_origin_is_ever_within(tail: str) -> None:
    for url in (tail, "https://app.example.com" + tail):
        if within(url, ORIGINS):
            assert url.startswith("https://app.example.com")
            assert url[len("https://app.example.com") :][:1] in ("", "/", "?", "#")


@pytest.mark.parametrize(
    "url",
    [
        "https://app.hubspot.com/marketplace",
        "https://app-eu1.hubspot.com/x?y=z",
        "https://app-na2.hubspot.com",
    ],
)
def test_hubspots_own_hosts_are_on_hubspot(url: str) -> None:
    assert on_hubspot(url, "https://app.hubspot.com")


@pytest.mark.parametrize(
    "url",
    [
        "http://app.hubspot.com/",
        "https://hubspot.com/",
        "https://app.hubspot.com.evil.test/",
        "https://app-.hubspot.com/",
        "https://app-eu1.evil.hubspot.com/",
        "https://appxhubspot.com/",
        "https://app.hubspot.com:444/",
        "https://app.hubspot.com@evil.test/",
        "https://app-eu1.hubspot.com.",
    ],
)
def test_other_hosts_are_not_on_hubspot(url: str) -> None:
    assert not on_hubspot(url, "https://app.hubspot.com")


@pytest.mark.parametrize("value", ["0", "0123", "+123", "-1", "1_23", "１２３", " 1", "1 ", "1\n", "", "1" * 17, "1.0"])
def test_what_int_would_take_is_not_an_account_number(value: str) -> None:
    assert parse_hub_id(value) is None


def test_an_account_number_is_parsed() -> None:
    assert parse_hub_id("123456") == 123456


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.test", "https://a.test?state=x%20y"),
        ("https://a.test/p?q=1", "https://a.test/p?q=1&state=x%20y"),
        ("https://a.test/p?", "https://a.test/p?state=x%20y"),
        ("https://a.test/p?q=1#top", "https://a.test/p?q=1&state=x%20y#top"),
    ],
)
def test_parameters_are_added_before_the_fragment(url: str, expected: str) -> None:
    assert add_query(url, {"state": "x y"}) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.test/p?state=theirs", "https://a.test/p?state=x"),
        ("https://a.test/p?state", "https://a.test/p?state=x"),
        ("https://a.test/p?q=1&state=theirs&r=%2f&state=#top", "https://a.test/p?q=1&r=%2f&state=x#top"),
        ("https://a.test/p?%73tate=theirs&estate=1", "https://a.test/p?estate=1&state=x"),
        ("https://a.test/p?q=1&&", "https://a.test/p?q=1&&state=x"),
        ("https://a.test/p#?state=theirs", "https://a.test/p?state=x#?state=theirs"),
    ],
)
def test_a_parameter_of_ours_takes_the_place_of_those_by_its_name(url: str, expected: str) -> None:
    assert add_query(url, {"state": "x"}) == expected


OURS = {"client_id": "ours", "redirect_uri": "https://auth.example.com/oauth-callback"}


@pytest.mark.parametrize(
    "query",
    [
        "client_id=theirs",
        "client_id=",
        "client_id",
        "client%5Fid=theirs",
        "client_id=ours&client_id=theirs",
        "a=1;client_id=theirs",
        "client_id=ours&redirect_uri=https%3A%2F%2Fevil.test%2Foauth-callback",
        "redirect_uri=https://auth.example.com/oauth-callback%23@evil.test",
    ],
)
def test_an_address_that_says_something_else_does_not_agree(query: str) -> None:
    assert not agrees(f"https://app.hubspot.com/oauth/authorize?{query}", OURS)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?portalId=1&client=theirs",
        "?client_id=ours",
        "?client_id=ours&redirect_uri=https%3A%2F%2Fauth.example.com%2Foauth-callback#client_id=theirs",
    ],
)
def test_an_address_that_says_the_same_or_nothing_agrees(query: str) -> None:
    assert agrees(f"https://app.hubspot.com/oauth/authorize{query}", OURS)
