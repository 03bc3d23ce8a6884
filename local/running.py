"""The commands for a twin that runs already: call its API, install the app into an account, print its environment."""

import json
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urljoin

import click
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.cannot_start import CannotStart
from local.statedir import CREDENTIALS, DEFAULT_STATE_DIR
from simulator.visitor import NotSentBack, decide

#: What a shell may have set and what would get in the way of the local user's keys.
_IN_THE_WAY = ("AWS_PROFILE", "AWS_SESSION_TOKEN")
_TIMEOUT_SECONDS = 60
_MOST_REDIRECTS = 5
_REFUSAL = re.compile(r"Code: <code>(\w+)</code>")
_TWIN = click.option(
    "--state-dir",
    "twin",
    type=click.Path(path_type=Path),
    default=DEFAULT_STATE_DIR,
    show_default=True,
    callback=lambda _context, _parameter, state_dir: _found(state_dir),
    help="The running twin's folder.",
)


@dataclass(frozen=True, slots=True)
class RunningTwin:
    """What `credentials.json` says of a running twin."""

    state_dir: Path
    credentials: Mapping[str, str]

    @property
    def url(self) -> str:
        return self.credentials["api_url"]

    @property
    def hubspot_url(self) -> str:
        return self.credentials["hubspot_api_url"]

    @property
    def simulated(self) -> bool:
        return self.hubspot_url.startswith("http://localhost:")


@click.command(short_help="Call an IAM route of a running twin.")
@click.argument("path")
@click.option("--method", default="GET", show_default=True)
@click.option("--data", metavar="JSON", help="The body, for POST /install-links.")
@_TWIN
def call(path: str, method: str, data: str | None, twin: RunningTwin) -> None:
    """Call an IAM route of a running twin, such as /accounts/100001/token, signed with its local user's key."""
    if not path.startswith("/"):
        refuse(CannotStart(f"“{path}” is no path of the API: it begins with a slash, like /accounts."))
    url = requests.utils.requote_uri(twin.url + path)
    request = AWSRequest(method, url, data=data)
    pair = Credentials(twin.credentials["aws_access_key_id"], twin.credentials["aws_secret_access_key"])
    SigV4Auth(pair, "execute-api", twin.credentials["region"]).add_auth(request)
    try:
        answer = requests.request(method, url, data=data, headers=dict(request.headers), timeout=_TIMEOUT_SECONDS)
    except requests.ConnectionError:
        refuse(_gone(twin))
    click.echo(f"{answer.status_code} {answer.reason}", err=True)
    click.echo(answer.text)
    sys.exit(0 if answer.ok else 1)


@click.command(short_help="Print what your own code needs to use a running twin.")
@_TWIN
def env(twin: RunningTwin) -> None:
    """Print shell commands that point your own code at a running twin: eval "$(python -m local env)".

    They set the local user's AWS key pair, and the addresses of the token API and of HubSpot.
    """
    values = {
        "AWS_ACCESS_KEY_ID": twin.credentials["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": twin.credentials["aws_secret_access_key"],
        "AWS_REGION": twin.credentials["region"],
        "HUBSPOT_OAUTH_URL": twin.url,
        "HUBSPOT_API_URL": twin.hubspot_url,
    }
    click.echo(f"unset {' '.join(_IN_THE_WAY)}")
    for name, value in values.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command(short_help="Install the app into a simulated account, without a browser.")
@click.argument("hub_id", type=click.IntRange(1, 10**16 - 1), metavar="HUB_ID")
@click.option("--link", metavar="URL", help="An install link, as POST /install-links gives it.")
@_TWIN
def install(hub_id: int, link: str | None, twin: RunningTwin) -> None:
    """Install the app of a running twin into a simulated account, such as 100001, without a browser.

    The consent is given by the account's first user. The exit code is 1 if the install is refused.
    """
    if not twin.simulated:
        refuse(CannotStart(f"An install at the real HubSpot needs a browser: open {twin.url}/install there."))
    try:
        said = _walk(twin, link or f"{twin.url}/install?hub_id={hub_id}", hub_id)
    except requests.ConnectionError:
        refuse(_gone(twin))
    except NotSentBack:
        refuse(
            CannotStart(f"HubSpot refuses to install the app in account {hub_id}: open {twin.url}/install to see why.")
        )
    click.echo(said)


def _walk(twin: RunningTwin, start: str, hub_id: int) -> str:
    """Go the way of a browser that allows the install; say where it ends."""
    with requests.Session() as browser:
        page = _followed(browser, start, twin.url)
        if not page.is_redirect:
            refuse(CannotStart(f"The install was refused: {_code_of(page)}."))
        page = _followed(browser, decide(page.headers["location"], hub_id), twin.url)
    if page.is_redirect:
        return f"The app is installed in account {hub_id}; the browser goes on to {page.headers['location']}"
    if _REFUSAL.search(page.text) or not page.ok:
        refuse(CannotStart(f"The install was refused: {_code_of(page)}."))
    return f"The app is installed in account {hub_id}."


def _followed(browser: requests.Session, url: str, own: str) -> requests.Response:
    """Open the address; follow redirects as long as they stay on the twin."""
    page = browser.get(url, allow_redirects=False, timeout=_TIMEOUT_SECONDS)
    for _ in range(_MOST_REDIRECTS):
        target = urljoin(page.url, page.headers.get("location", ""))
        if not (page.is_redirect and target.startswith(f"{own}/")):
            break
        page = browser.get(target, allow_redirects=False, timeout=_TIMEOUT_SECONDS)
    return page


def _code_of(page: requests.Response) -> str:
    found = _REFUSAL.search(page.text)
    return found[1] if found else f"{page.status_code} {page.reason}"


def _found(state_dir: Path) -> RunningTwin:
    try:
        credentials = json.loads((state_dir / CREDENTIALS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        refuse(CannotStart(f"No twin runs in {state_dir}: start one, or name its folder with --state-dir."))
    return RunningTwin(state_dir, credentials)


def _gone(twin: RunningTwin) -> CannotStart:
    return CannotStart(f"The twin of {twin.state_dir} does not answer at {twin.url}: start it again.")


def refuse(error: CannotStart) -> NoReturn:
    """Print each fault on a line of its own, and exit with 1."""
    for fault in error.faults:
        click.secho(fault, fg="red", err=True)
    sys.exit(1)
