"""Renders the HTML pages of the install flow.

The Content-Security-Policy allows no script and no outside resource but the logo.
"""

import base64
import hashlib
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hubspot_oauth.domain.settings import Brand
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.button_colors import button_colors
from hubspot_oauth.install.refusal import InstallRefused
from hubspot_oauth.install.scope_words import words_of

_TEMPLATES = Path(__file__).parent / "templates"
#: Paper and ink of the two colour schemes. The other colours are in style.css.
_LIGHT, _DARK = ("#ffffff", "#1d2733"), ("#1b232c", "#eef2f6")


class Pages:
    """Renders the pages of one app.

    Args:
        brand: What the pages show of the app.
        app_url: HubSpot's origin, which may frame the pages of a Marketplace install.
    """

    def __init__(self, brand: Brand, *, app_url: str) -> None:
        self._brand = brand
        self._app_url = app_url

    def installed(self, hub_id: int | None, hub_domain: str | None = None) -> str:
        return self._render("installed.html", hub_id=hub_id, hub_domain=hub_domain)

    def pending(self) -> str:
        return self._render("pending.html", back_url="")

    def start(self, install_url: str) -> str:
        return self._render("start.html", install_url=install_url, who_may_install=refusal_texts.WHO_MAY_INSTALL)

    def refused(self, refused: InstallRefused) -> str:
        """The page of a refusal, with the way back to where the install came from, else to the app.

        If the refusal allows a retry, the page links ``retry_url``, or without one says to open the link again.
        """
        back_url = refused.back_url or self._brand.home_url
        return self._render(
            "refused.html", refused=refused, refusal=refused.refusal, words_of=words_of, back_url=back_url
        )

    def headers(self, *, framed: bool) -> dict[str, str]:
        """The headers of a page. HubSpot's own pages may frame it if ``framed``; otherwise no page may."""
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        logo = urlsplit(self._brand.logo_url)
        policy = [
            "default-src 'none'",
            f"style-src 'sha256-{digest}'",
            f"img-src {logo.scheme}://{logo.netloc}" if self._brand.logo_url else "",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {self._app_url} https://*.hubspot.com" if framed else "frame-ancestors 'none'",
        ]
        return {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": "; ".join(filter(None, policy)),
            "x-content-type-options": "nosniff",
        }

    def _render(self, name: str, **content: object) -> str:
        values = {"brand": self._brand, "back_url": self._brand.home_url, "style": Markup(self._style)}  # noqa: S704 - our own
        return self._environment.get_template(name).render({**values, **content})

    @cached_property
    def _style(self) -> str:
        sheet = (_TEMPLATES / "style.css").read_text(encoding="utf-8").replace("\n", "")
        light, dark = (_colors(self._brand.color, *scheme) for scheme in (_LIGHT, _DARK))
        return (
            f":root{{--brand:{self._brand.color};{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}{sheet}"
        )

    @cached_property
    def _environment(self) -> Environment:
        return Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)


def _colors(brand: str, paper: str, ink: str) -> str:
    """The stylesheet's variables that follow from the brand's colour and a colour scheme."""
    button, text = button_colors(brand, paper, ink)
    return f"--paper:{paper};--ink:{ink};--button:{button};--on-button:{text}"
