"""The functions' settings, parsed from the environment."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hubspot_oauth.domain.env_reader import ORIGIN, EnvReader
from hubspot_oauth.domain.errors import SettingsError
from hubspot_oauth.domain.urls import origin_of

INSTALL_PATH = "/install"
API_VERSIONS = ("v3", "2026-03", "2026-09")
_PATH = re.compile(r"/|(/[A-Za-z0-9._~-]+)+")


@dataclass(frozen=True, slots=True)
class Brand:
    """What the pages show: app name, logo, colour, the app's own address, where to get help. Empty means not given."""

    app_name: str
    logo_url: str
    color: str
    home_url: str
    support_url: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration that every function has. An empty string means not given. Nothing here is secret."""

    brand: Brand
    client_id: str
    api_version: str
    api_url: str
    app_url: str
    required_scopes: tuple[str, ...]
    conditional_scopes: tuple[str, ...]
    optional_scopes: tuple[str, ...]
    redirect_url: str
    callback_path: str
    return_to_origins: tuple[str, ...]
    marketplace_installs: bool
    sign_in_url: str
    margin_percent: int
    refresh_concurrency: int
    refresh_workers: int
    accounts_table: str
    scratch_table: str
    kms_key_id: str
    client_secret_id: str
    state_key_id: str
    refresh_queue_url: str
    rescue_queue_url: str

    @property
    def requested_scopes(self) -> tuple[str, ...]:
        """The scopes that every install asks for. HubSpot calls them required and conditionally required."""
        return tuple(dict.fromkeys(self.required_scopes + self.conditional_scopes))

    @property
    def askable_scopes(self) -> frozenset[str]:
        """Every scope that an install can ask for, optional ones included."""
        return frozenset(self.requested_scopes + self.optional_scopes)

    def missing_scopes(self, granted: Iterable[str]) -> list[str]:
        """The requested scopes that were not granted. ``oauth`` is ignored, because HubSpot may not list it."""
        return sorted(set(self.requested_scopes) - set(granted) - {"oauth"})

    def redirect_uri(self, host: str) -> str:
        """The redirect URL sent to HubSpot: the configured one, else the callback path on ``host``."""
        return self.redirect_url or f"https://{host}{self.callback_path}"

    def install_url(self, host: str) -> str:
        """The URL that starts an install.

        It is on the redirect URL's host, because the cookie must be set there. A custom domain's API mapping may put a
        path before every route. The redirect URL then contains that path, and this URL gets it too. If the redirect URL
        does not end with ``callback_path``, a CDN rewrites paths, and installs start at /install on the host's root.
        """
        redirect_uri = self.redirect_uri(host)
        mapped = redirect_uri.removesuffix(self.callback_path)
        return (origin_of(redirect_uri) if mapped == redirect_uri else mapped) + INSTALL_PATH

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Parse the functions' environment.

        Raises:
            SettingsError: With one sentence for each missing or malformed variable.
        """
        env = EnvReader(environ)
        settings = cls(
            brand=Brand(
                app_name=env.text("APP_NAME"),
                logo_url=env.url("LOGO_URL", optional=True),
                color=env.matching("BRAND_COLOR", re.compile(r"#[0-9A-Fa-f]{6}"), "a colour like #0b6e69"),
                home_url=env.url("APP_URL", optional=True),
                support_url=env.support("SUPPORT_URL"),
            ),
            client_id=env.matching("HUBSPOT_CLIENT_ID", re.compile(r"[A-Za-z0-9-]{8,64}"), "a HubSpot client id"),
            api_version=env.matching(
                "HUBSPOT_API_VERSION", re.compile("|".join(API_VERSIONS)), "one of " + ", ".join(API_VERSIONS)
            ),
            api_url=env.matching("HUBSPOT_API_URL", ORIGIN, "an https origin"),
            app_url=env.matching("HUBSPOT_APP_URL", ORIGIN, "an https origin"),
            required_scopes=tuple(env.text("REQUIRED_SCOPES").split()),
            conditional_scopes=env.words("CONDITIONAL_SCOPES"),
            optional_scopes=env.words("OPTIONAL_SCOPES"),
            redirect_url=env.redirect_url("REDIRECT_URL"),
            callback_path=env.matching("CALLBACK_PATH", _PATH, "a path like /oauth-callback"),
            return_to_origins=env.origins("RETURN_TO_ORIGINS"),
            marketplace_installs=env.flag("MARKETPLACE_INSTALLS"),
            sign_in_url=env.url("SIGN_IN_URL", optional=True),
            margin_percent=env.number("REFRESH_MARGIN_PERCENT", 10, 80),
            refresh_concurrency=env.number("REFRESH_CONCURRENCY", 1, 32),
            refresh_workers=env.number("REFRESH_WORKERS", 2, 1000),
            accounts_table=env.text("ACCOUNTS_TABLE"),
            scratch_table=env.text("SCRATCH_TABLE"),
            kms_key_id=env.text("KMS_KEY_ID"),
            client_secret_id=env.text("CLIENT_SECRET_ID"),
            state_key_id=env.text("STATE_KEY_ID"),
            refresh_queue_url=env.text("REFRESH_QUEUE_URL"),
            rescue_queue_url=env.text("RESCUE_QUEUE_URL"),
        )
        if settings.callback_path == INSTALL_PATH:
            env.faults.append(f"CALLBACK_PATH is {INSTALL_PATH}, where installs start")
        if env.faults:
            raise SettingsError(env.faults)
        return settings
