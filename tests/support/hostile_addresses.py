"""What a stranger puts into an address, and where a browser then goes by its own rules (WHATWG)."""

import re
from urllib.parse import quote, quote_from_bytes, urlsplit

from hypothesis import strategies as st

ALLOWED = "https://app.example.com"
HUBSPOT = "https://app.hubspot.com"
MARK = "x7q"  # must never be seen on a page
MARKUP = f"{MARK}<script>\"'&{MARK}"


def origin_for_a_browser(address: str) -> str:
    """Where a browser goes: it drops tabs and newlines, reads "\\" as "/", and ignores the user before an "@"."""
    seen = re.sub(r"[\t\n\r]", "", address.strip("".join(map(chr, range(33))))).replace("\\", "/")
    parts = urlsplit(re.sub(r"^(https?):/*", r"\1://", seen, flags=re.IGNORECASE))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def on_hubspots_hosts(address: str) -> bool:
    scheme, _, host = origin_for_a_browser(address).partition("://")
    name = host.removesuffix(".hubspot.com")
    return scheme == "https" and name != host and (name == "app" or (name[:4] == "app-" and name[4:].isalnum()))


def bypasses(host: str) -> list[str]:
    """Addresses that some parser takes for ``host``, though they lead elsewhere or do not name it plainly."""
    look_alike = host.replace("a", "а", 1)  # a Cyrillic letter
    full_width = "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in host)
    return [
        f"//{host}",
        f"///{host}/",
        f"\\\\{host}",
        f"/\\{host}",
        f"https:\\\\{host}",
        f"https:{host}",
        f"https:/{host}/",
        f"https:///{host}/",
        f"http://{host}/",
        f"HTTPS://{host}/",
        f"https://{host.upper()}/",
        f"https://{host}.evil.test/",
        f"https://evil{host}/",
        f"https://{host}@evil.test/",
        f"https://{host}:pw@evil.test/",
        f"https://user@{host}/",
        f"https://user:pw@{host}/",
        f"https://{host}\\@evil.test/",
        f"https://{host}%40evil.test/",
        f"https://evil.test/https://{host}/",
        f"https://evil.test#@{host}/",
        f"https://evil.test?@{host}/",
        f"https://evil.test\\.{host}/",
        f"https://evil.test%2f.{host}/",
        f"https://{host}:443/",
        f"https://{host}:8443/",
        f"https://{host}:/",
        f"https://{host}:0x1bb/",
        f"https://{host}\t/",
        f"https://{host}\n.evil.test/",
        f"https://{host}/\r\nset-cookie: a=b",
        f"\thttps://{host}/",
        f"ht\ntps://{host}/",
        f" https://{host}/",
        f"https://{host}\0.evil.test/",
        f"https://{host}%00.evil.test/",
        f"https://{host}%0a.evil.test/",
        f"https://{host}%2fevil.test",
        f"https://{host}%5cevil.test",
        f"https:%2f%2f{host}/",
        f"https%3a//{host}/",
        f"https://{host}./",
        f"https://{host}../",
        f"https://{look_alike}/",
        f"https://{full_width}/",
        f"https://{host.replace('.', '。')}/",
        f"https://{host.replace('.', '．')}/",
        f"https://{host}／.evil.test/",
        f"https://{host}\u2044.evil.test/",
        f"https://{host}\u00ad/",
        f"https://{host}\u200b/",
        f"https://xn--{host}/",
        f"https://{host}/\u2028",
        f"javascript:alert(1)//https://{host}/",
        f"javascript://{host}/%0aalert(1)",
        f"data:text/html,https://{host}/",
        f"https://[::1]/{host}",
        "https://2130706433/",
        "",
        "/",
        "?",
        "#",
        ".",
    ]


HUB_IDS = [
    "0",
    "0123",
    "+123",
    "-1",
    "1_23",
    "１２３",
    "१२३",
    " 1",
    "1 ",
    "1\n",
    "1.0",
    "1e3",
    "0x1",
    "1" * 17,
    "٣",
    "1/..",
    "²",
]
BYPASSES = [*bypasses("app.example.com"), *bypasses("app.hubspot.com"), *bypasses("app-eu1.hubspot.com")]

text = st.text(st.characters(codec="utf-8"), max_size=40)
anything = (
    text
    | st.sampled_from([MARKUP, f"</title>{MARKUP}", f"javascript:{MARK}", "../" * 8 + MARK, "%00", "%0d%0aa: b"])
    | st.sampled_from(BYPASSES)
    | st.sampled_from(HUB_IDS)
    | st.sampled_from([ALLOWED, HUBSPOT, "https://app-eu1.hubspot.com"]).flatmap(lambda o: text.map(lambda t: o + t))
    | st.integers(1, 9000).map(lambda length: "y" * length)
)
addresses = st.sampled_from([f"{ALLOWED}/done?x=1#y", f"{HUBSPOT}/connect", "https://app-eu1.hubspot.com/x"]) | anything
encoded = st.one_of(
    anything.map(lambda value: quote(value, safe="")),
    anything.map(lambda value: quote(value, safe="/:@?=+;,\\<>\"'")),
    anything.map(lambda value: quote(quote(value, safe=""), safe="")),
    st.binary(max_size=12).map(quote_from_bytes),
)


def queries(**likely: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Query strings: any of the names with likely or wild values, some twice, some unknown, or no query at all."""
    names = st.sampled_from([*likely, *likely, "link", "bounced", "error_description", "STATE", "state[]", MARK])
    pairs = names.flatmap(
        lambda name: st.tuples(
            st.just(name), encoded | likely.get(name, st.nothing()).map(lambda value: quote(value, safe=""))
        )
    )
    unique = st.lists(pairs, max_size=6, unique_by=lambda pair: pair[0])
    raw = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
    return (unique | st.lists(pairs, max_size=4)).map(lambda chosen: "&".join(f"{n}={v}" for n, v in chosen)) | raw
