"""Tells machines that open links by themselves from people: link previews, prefetches and HEAD requests.

Each gets a page and starts no install, so that pasting an install link into a chat counts nothing and sets no cookie.
"""

from hubspot_oauth.adapters.api_gateway import Event, method_of

#: Parts of the User-Agent headers of services that fetch a link to show a preview or to index it, in lower case. No
#: browser sends any of them. A service that is missing here counts as a person.
PREVIEW_AGENTS = (
    "applebot",
    "bingbot",
    "bingpreview",
    "discordbot",
    "embedly",
    "facebookexternalhit",
    "facebot",
    "google-inspectiontool",
    "googlebot",
    "iframely",
    "linkedinbot",
    "mattermost-bot",
    "microsoftpreview",
    "pinterestbot",
    "redditbot",
    "skypeuripreview",
    "slack-imgproxy",
    "slackbot",
    "telegrambot",
    "twitterbot",
    "whatsapp/",
    "zulipurlpreview",
)
#: Headers in which browsers say that nobody has clicked yet: the standard one, and those of older browsers.
_PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")


def is_machine(event: Event) -> bool:
    """Whether this is a link preview, a prefetch or a HEAD request."""
    headers = {name.lower(): str(value).lower() for name, value in (event.get("headers") or {}).items()}
    purposes = " ".join(headers.get(name, "") for name in _PURPOSES)
    agent = headers.get("user-agent", "")
    return (
        method_of(event) == "HEAD"
        or any(word in purposes for word in ("prefetch", "prerender", "preview"))
        or any(name in agent for name in PREVIEW_AGENTS)
    )
