"""The twin's command line: its flags, its prompts, what it prints, and how it stops."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import click

from local import running
from local.cannot_start import CannotStart
from local.plan import CALLBACK_PATH, Options, Plan, plan_of
from local.running import refuse
from local.statedir import DEFAULT_STATE_DIR
from local.twin import Twin, twin
from simulator import verification
from simulator.configuration import API_VERSIONS

HUBSPOT_API_URL = "https://api.hubapi.com"
HUBSPOT_APP_URL = "https://app.hubspot.com"
SECRET = "HUBSPOT_CLIENT_SECRET"  # noqa: S105 - a variable's name
PORT = click.IntRange(1, 65535)

_FLAGS = [
    click.option("--port", type=PORT, default=3000, show_default=True, help="Port of the twin itself."),
    click.option("--aws-port", type=PORT, default=3002, show_default=True, help="Port of the emulated AWS."),
    click.option("--client-id", metavar="ID", help="The app's client id."),
    click.option("--hsmeta", type=click.Path(path_type=Path), metavar="FILE", help="The app's app-hsmeta.json."),
    click.option(
        "--state-dir",
        type=click.Path(path_type=Path),
        default=DEFAULT_STATE_DIR,
        show_default=True,
        help="Folder of the twin's files. Each of several twins needs its own.",
    ),
    click.option(
        "--schedule-seconds",
        type=click.FloatRange(min=0.1),
        metavar="N",
        help="Run the one-minute schedules every N seconds.",
    ),
    click.option("--parameter", "parameters", multiple=True, metavar="Name=Value", help="Any template parameter."),
]


def _common(command: Any) -> Any:  # noqa: ANN401 - click's decorators
    for flag in reversed(_FLAGS):
        command = flag(command)
    return command


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@_common
@click.option("--hubspot-port", type=PORT, default=3001, show_default=True, help="Port of the HubSpot simulator.")
@click.option("--hubspot-api-url", "api_url", metavar="URL", help="API of another HubSpot than the simulator.")
@click.option("--hubspot-app-url", "app_url", metavar="URL", help="Pages of that other HubSpot.")
@click.option("--token-lifetime", type=click.IntRange(min=1), metavar="N", help="Simulator: seconds a token lives.")
@click.option("--rotate-refresh-tokens", is_flag=True, help="Simulator: a new refresh token at each refresh.")
@click.pass_context
def main(context: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - one for each flag
    """Run the whole product on this machine: the real template on an emulated AWS, beside a HubSpot simulator.

    With --hubspot-api-url and --hubspot-app-url, the app's client secret comes from the environment variable
    HUBSPOT_CLIENT_SECRET, or from a prompt.
    """
    _forget_the_users_aws()
    if context.invoked_subcommand is None:
        other = flags["api_url"] is not None or flags["app_url"] is not None
        _run(Options(**flags, secret=_secret() if other else os.environ.get(SECRET)))


@main.command()
@_common
@click.option("--hubspot-api-url", "api_url", metavar="URL", default=HUBSPOT_API_URL, show_default=True)
@click.option("--hubspot-app-url", "app_url", metavar="URL", default=HUBSPOT_APP_URL, show_default=True)
def connect(client_id: str | None, **flags: Any) -> None:  # noqa: ANN401
    """Run against the real HubSpot, with an app of your own.

    Its app-hsmeta.json must list a redirect URL on http://localhost:PORT, by default
    http://localhost:3000/oauth-callback. Client id and secret come from the environment, HUBSPOT_CLIENT_ID and
    HUBSPOT_CLIENT_SECRET, or from a prompt.
    """
    click.secho(
        "The emulated KMS does not protect real tokens, and any program on this machine can read them while this runs:"
        " use a test account.",
        fg="yellow",
        err=True,
    )
    _run(
        Options(
            **flags,
            hubspot_port=0,
            client_id=client_id or _asked("HUBSPOT_CLIENT_ID", "Client id", hidden=False),
            secret=_secret(),
        )
    )


@main.command(short_help="Check the simulator's assumptions against the real HubSpot.")
@click.option("--hubspot-api-url", "api_url", default=HUBSPOT_API_URL, show_default=True)
@click.option("--hubspot-app-url", "app_url", default=HUBSPOT_APP_URL, show_default=True)
@click.option("--client-id", metavar="ID", help="The test app's client id.")
@click.option("--api-version", type=click.Choice(API_VERSIONS), default="v3", show_default=True)
@click.option("--redirect-url", default=f"http://localhost:3000{CALLBACK_PATH}", show_default=True)
@click.option(
    "--scope", "scopes", multiple=True, default=["oauth"], show_default=True, help="A required scope. May be repeated."
)
@click.option("--optional-scope", "optional_scopes", multiple=True, help="May be repeated.")
@click.option("--patient", is_flag=True, help="Wait for a code and a token to expire, to check that too.")
@click.option("--end-grant", is_flag=True, help="Revoke and uninstall in the end, to check that too.")
def verify(client_id: str | None, api_version: str, redirect_url: str, *, patient: bool, **flags: Any) -> NoReturn:  # noqa: ANN401
    """Check what the simulator assumes about HubSpot against the real one, with a test app and account.

    Client id and secret come from the environment, HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET, or from a prompt. The
    redirect URL must be registered with the app. With HUBSPOT_REFRESH_TOKEN set, no consent is asked for, and
    checks that need one are skipped.
    """
    client_id = client_id or _asked("HUBSPOT_CLIENT_ID", "Client id", hidden=False)
    secret = _secret()
    if not (client_id and secret):
        refuse(CannotStart("HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET are needed: set them in the environment."))
    sys.exit(
        verification.verify(
            client_id=client_id,
            client_secret=secret,
            version=api_version,
            redirect_uri=redirect_url,
            refresh_token=os.environ.get("HUBSPOT_REFRESH_TOKEN") or None,
            out=click.echo,
            wait=time.sleep if patient else None,
            **flags,
        )
    )


for command in (running.call, running.env, running.install):
    main.add_command(command)


def _run(options: Options) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    started = time.monotonic()
    try:
        plan = plan_of(options)
        with twin(plan) as ready:
            _print_summary(plan, ready, time.monotonic() - started)
            _wait()
    except CannotStart as error:
        refuse(error)
    except _Interrupted:
        click.echo("Stopping")


class _Interrupted(BaseException):
    """Raised once, by Ctrl-C or SIGTERM, to leave and clean up every open block."""


def _interrupt(*_: object) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a second signal must not interrupt the cleaning up
    raise _Interrupted


def _wait() -> None:
    try:
        threading.Event().wait()
    except _Interrupted:
        click.echo("Stopping")


def _secret() -> str | None:
    return _asked(SECRET, "Client secret", hidden=True)


def _asked(variable: str, question: str, *, hidden: bool) -> str | None:
    if variable in os.environ:
        return os.environ[variable].strip()
    if not sys.stdin.isatty():
        return None
    return str(click.prompt(question, hide_input=hidden, err=True)).strip()


def _forget_the_users_aws() -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def _print_summary(plan: Plan, ready: Twin, seconds: float) -> None:
    lines = [
        ("Console", ready.url),
        ("Install link", f"{ready.url}/install"),
        (
            "HubSpot",
            f"{ready.simulator_url} (simulated)" if ready.simulator_url else plan.parameters["HubSpotAppUrl"],
        ),
        ("Redirect URL", ready.stack.outputs["RedirectUrl"]),
        ("Token API", f"{ready.url}/accounts/{{hub_id}}/token"),
        ("Credentials", f"{ready.credentials} (a local IAM user who may call the token API)"),
        ("AWS", f"{ready.stack.emulator.url} (emulated; its log: {ready.log})"),
    ]
    click.echo()
    click.secho(f"Ready in {seconds:.1f} s.", bold=True)
    for name, value in lines:
        click.echo(f"  {name:<13} {value}")
    click.echo("\nCtrl-C stops it and leaves nothing behind.")
