"""Renders the HTML pages of the install flow.

The Content-Security-Policy allows no script and no outside resource but the logo.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hubspot_oauth.domain.settings import Brand
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.refusal import Refusal

_TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """Renders the pages of one app.

    Args:
        brand: What the pages show of the app.
        app_url: HubSpot's origin, which may frame the pages of a Marketplace install.
    """

    def __init__(self, brand: Brand, *, app_url: str) -> None:
        self._brand = brand
        self._app_url = app_url

    def installed(self, hub_id: int | None) -> str:
        return self._render("installed.html", hub_id=hub_id)

    def pending(self) -> str:
        return self._render("pending.html")

    def start(self, install_url: str) -> str:
        return self._render("start.html", install_url=install_url, who_may_install=refusal_texts.WHO_MAY_INSTALL)

    def refused(self, refusal: Refusal, retry_url: str | None, missing_scopes: Sequence[str] = ()) -> str:
        """The page of a refusal.

        If the refusal allows a retry, the page links ``retry_url``, or without one says to open the link again.
        """
        return self._render("refused.html", refusal=refusal, retry_url=retry_url, missing_scopes=missing_scopes)

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
        return self._environment.get_template(name).render(brand=self._brand, style=Markup(self._style), **content)  # noqa: S704 - our own stylesheet

    @cached_property
    def _style(self) -> str:
        sheet = (_TEMPLATES / "style.css").read_text(encoding="utf-8").replace("\n", "")
        return f":root{{--brand:{self._brand.color}}}{sheet}"

    @cached_property
    def _environment(self) -> Environment:
        return Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
