"""``python -m ops build | deploy | secret``."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from ops import preflight, sam
from ops.concurrency import room_fault
from ops.deployment import look_up, set_client_secret
from ops.hsmeta import HsMeta, HsMetaError, load_hsmeta
from ops.parameters import check_parameters
from ops.template import load_template

_config_env = click.option("--config-env", default="dev", show_default=True, help="Environment of samconfig.toml.")
#: The arguments of `make deploy` that set the template parameters without a default.
_HOW = {"HubSpotClientId": 'ARGS="--client-id YOUR-CLIENT-ID"', "RequiredScopes": "HSMETA=path/to/app-hsmeta.json"}
_profile = click.option("--profile", help="AWS profile.")


@click.group()
def main() -> None:
    """Build, deploy and set up the HubSpot OAuth backend."""


@main.command()
def build() -> None:
    """Build the functions and the layer as they are deployed."""
    _stop_at(preflight.faults())
    sys.exit(sam.run(["build"]))


@main.command()
@_config_env
@_profile
@click.option("--hsmeta", type=click.Path(path_type=Path), help="The app's app-hsmeta.json: scopes and name.")
@click.option("--conditional-scope", multiple=True, help="A conditionally required scope to ask for now.")
@click.option("--client-id", help="The app's client ID (HubSpotClientId).")
@click.option("--parameter", multiple=True, metavar="NAME=VALUE", help="Any template parameter.")
def deploy(
    config_env: str,
    profile: str | None,
    hsmeta: Path | None,
    conditional_scope: tuple[str, ...],
    client_id: str | None,
    parameter: tuple[str, ...],
) -> None:
    """Check everything first, then build and deploy, and print what to paste into HubSpot."""
    configured = sam.configured(config_env)
    if not configured:
        _stop_at(
            [f"samconfig.toml has no environment {config_env}. Choose one it has: make deploy STACK_ENV=dev or prod"]
        )
    session = _session(profile, configured, also=preflight.faults)
    declared, hsmeta_faults = _declared(hsmeta)
    given = sam.overrides(configured.get("parameter_overrides"))
    given |= declared.parameters(conditional_scope) if declared else {}
    given |= {"HubSpotClientId": client_id} if client_id else {}
    given |= dict(_split(item) for item in parameter)
    whole = {**_deployed(session, configured), **given}
    undeclared = declared.faults(whole) if declared else []
    parameter_faults = check_parameters(load_template(), whole, _HOW)
    _stop_at([*preflight.faults(session), *hsmeta_faults, *undeclared, *parameter_faults])
    given |= _without_room(session) if "AnonymousConcurrency" not in whole else {}
    _run(["build"])
    location = [*(["--profile", profile] if profile else []), "--region", str(session.region_name)]
    _run(["deploy", "--config-env", config_env, *location, "--parameter-overrides", *sam.written(given)])
    deployed = look_up(session, configured["stack_name"])
    click.echo(deployed.report(f"make secret STACK_ENV={config_env}"))
    for note in declared.notes(deployed.outputs["RedirectUrl"]) if declared else []:
        click.echo(f"\nNote: {note}")


@main.command()
@_config_env
@_profile
def secret(config_env: str, profile: str | None) -> None:
    """Set the app's client secret: from HUBSPOT_CLIENT_SECRET, from standard input, or from a prompt."""
    configured = sam.configured(config_env)
    session = _session(profile, configured)
    _stop_at([f for f in (preflight.region_fault(session), preflight.credentials_fault(session)) if f])
    value = (os.environ.get("HUBSPOT_CLIENT_SECRET") or _asked_secret()).strip()
    if not value:
        _stop_at(["The client secret is empty."])
    try:
        set_client_secret(session, configured["stack_name"], value)
    except (BotoCoreError, ClientError) as error:
        _stop_at([f"The secret could not be stored: {error}"])
    click.echo("The client secret is set. Running functions read it within five minutes.")


def _declared(hsmeta: Path | None) -> tuple[HsMeta | None, list[str]]:
    try:
        return load_hsmeta(hsmeta) if hsmeta else None, []
    except HsMetaError as error:
        return None, error.faults


def _asked_secret() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("HubSpot client secret", hide_input=True))
    return sys.stdin.read().removeprefix("\ufeff")  # PowerShell's pipe adds a byte-order mark


def _deployed(session: boto3.Session, configured: dict[str, object]) -> dict[str, str]:
    """The deployed stack's parameters. A deploy keeps those that it is not given."""
    try:
        found = session.client("cloudformation").describe_stacks(StackName=str(configured["stack_name"]))
    except (BotoCoreError, ClientError):
        return {}  # the stack does not exist yet, or the preflight reports why AWS cannot be asked
    return {p["ParameterKey"]: p["ParameterValue"] for p in found["Stacks"][0].get("Parameters", [])}


def _session(profile: str | None, configured: dict[str, object], also: Callable[[], list[str]] = list) -> boto3.Session:
    """The operator's AWS session.

    If the profile does not exist, print that with the faults that ``also`` returns, and exit.
    """
    region = configured.get("region") or os.environ.get("AWS_REGION")  # boto3 does not read this variable
    try:
        return boto3.Session(profile_name=profile, region_name=str(region) if region else None)
    except ProfileNotFound as error:
        _stop_at([*also(), f"{error}. See: aws configure list-profiles"])
        raise


def _without_room(session: boto3.Session) -> dict[str, str]:
    """``AnonymousConcurrency=0``, and the reason printed, if there is no room for the default; else empty."""
    fault = room_fault(session, load_template())
    if fault is None:
        return {}
    click.echo(
        f"Note: {fault}.\nThe install and callback routes will each take one request in four seconds instead. Ask for a"
        ' higher quota in Service Quotas, then deploy with: ARGS="--parameter AnonymousConcurrency=10"'
    )
    return {"AnonymousConcurrency": "0"}


def _split(item: str) -> tuple[str, str]:
    name, _, value = item.partition("=")
    return name, value


def _run(arguments: Sequence[str]) -> None:
    code = sam.run(arguments)
    if code:
        sys.exit(code)


def _stop_at(faults: Sequence[str]) -> None:
    """Print the faults, one a line, and exit with 2 if there are any."""
    for fault in faults:
        click.echo(f"- {fault}", err=True)
    if faults:
        sys.exit(2)


if __name__ == "__main__":
    main()
