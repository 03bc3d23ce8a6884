"""Where the service is: its address, its region and the credentials that sign."""

import os
import re
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from hubspot_tokens.errors import NotConfigured

URL_VARIABLE, STACK_VARIABLE = "HUBSPOT_OAUTH_URL", "HUBSPOT_OAUTH_STACK"
_REGION_OF_HOST = re.compile(r"[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.(amazonaws\.com(\.cn)?|api\.aws)")
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}

#: A boto3 or a botocore session.
Session = Any


def new_session() -> Session:
    """A session of botocore's, which finds credentials as every AWS SDK does."""
    return botocore.session.get_session()


def region_of(url: str | None, region: str | None, session: Session) -> str | None:
    """The region that signatures name: that of the host's name, else the given one, else the environment's."""
    host = re.fullmatch(_REGION_OF_HOST, (urlsplit(url).hostname or "") if url else "")
    if host:
        return host[1]
    own = getattr(session, "region_name", None) or getattr(session, "get_config_variable", lambda _: None)("region")
    return region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or own or None


def url_of(url: str | None, stack: str | None, region: str | None, session: Session) -> str:
    """The given address, else that of the environment, else what the stack has published in Parameter Store.

    Raises:
        NotConfigured: There is none, it cannot be read, or it is not one.
    """
    found = url or os.environ.get(URL_VARIABLE)
    if not found and (name := stack or os.environ.get(STACK_VARIABLE)):
        found = _published(name, region, session)
    if not found:
        raise NotConfigured(
            f"Nobody said where the service is: set {URL_VARIABLE} to the stack's output TokenApiUrl, or"
            f" {STACK_VARIABLE} to the stack's name.",
            code="not_configured",
        )
    return _checked(found)


def _published(stack: str, region: str | None, session: Session) -> str:
    name = f"/hubspot-oauth/{stack}/api-url"
    make = getattr(session, "create_client", None) or session.client
    try:
        return str(make("ssm", region_name=region).get_parameter(Name=name)["Parameter"]["Value"])
    except (BotoCoreError, ClientError) as error:
        raise NotConfigured(f"{name} cannot be read from Parameter Store: {error}", code="not_configured") from error


def _checked(url: str) -> str:
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOCAL_HOSTS
    if not (parts.scheme == "https" or local) or not parts.hostname:
        raise NotConfigured("The service's address is not an https URL.", code="not_configured")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise NotConfigured("The service's address has more than a host and a path.", code="not_configured")
    return url.rstrip("/")
