"""Starts the parts of a twin in order, and ends them in the opposite order."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import simulator
from local.after_deploy import complete, publish_address
from local.callers import Gatekeeper, create_caller
from local.console import Console, Page
from local.deploy import Stack, deploy
from local.emulator import await_ready, emulator, require_installed
from local.gateway import Api, serve
from local.invoke import Invoker
from local.permissions import require_service_permissions
from local.plan import Plan
from local.ports import require_free
from local.routes import routes_of
from local.schedule import fast_schedules
from local.statedir import CREDENTIALS, DEFAULT_STATE_DIR, EMULATOR_LOG, state_dir


@dataclass(frozen=True, slots=True)
class Twin:
    """Addresses and files of a running twin."""

    url: str
    simulator_url: str | None
    stack: Stack
    credentials: Path
    log: Path


@contextmanager
def twin(plan: Plan) -> Iterator[Twin]:
    """Run a twin while the block lasts.

    Raises:
        CannotStart: A part did not start; the others are ended again.
    """
    require_installed()
    require_free(plan.ports)
    with ExitStack() as parts:
        state = parts.enter_context(state_dir(plan.state_dir))
        aws = parts.enter_context(emulator(plan.aws_port, state))
        simulator_url = None
        if plan.simulator:
            simulator_url = parts.enter_context(simulator.serve(plan.simulator, plan.hubspot_port)).url
        await_ready(aws, state / EMULATOR_LOG)
        stack = deploy(aws, plan.parameters)
        complete(stack)
        publish_address(stack, plan.url)
        _store_client_secret(stack, plan.client_secret)
        _front(parts, plan, stack, state, simulator_url)
        yield Twin(
            url=plan.url,
            simulator_url=simulator_url,
            stack=stack,
            credentials=state / CREDENTIALS,
            log=state / EMULATOR_LOG,
        )


def _store_client_secret(stack: Stack, secret: str) -> None:
    if secret:
        secrets = stack.emulator.client("secretsmanager")
        secrets.put_secret_value(SecretId=stack.outputs["ClientSecretArn"], SecretString=secret)


def _front(parts: ExitStack, plan: Plan, stack: Stack, state: Path, simulator_url: str | None) -> None:
    aws = stack.emulator
    api_id, routes = routes_of(stack)
    require_service_permissions(stack, api_id, routes)
    hubspot_url = simulator_url or plan.parameters["HubSpotApiUrl"]
    create_caller(aws, api_id, {"api_url": plan.url, "aws_url": aws.url, "hubspot_api_url": hubspot_url}, state)
    invoke = Invoker(aws)
    if plan.schedule_seconds:
        parts.enter_context(fast_schedules(aws, invoke, plan.schedule_seconds))
    console = Console(aws, stack.outputs["AccountsTableName"], _page(plan, simulator_url))
    api = Api(api_id, routes, Gatekeeper(aws, api_id, state), invoke)
    parts.enter_context(serve(plan.port, console.answer, api))


def _page(plan: Plan, simulator_url: str | None) -> Page:
    every = f"every {plan.schedule_seconds:g} s" if plan.schedule_seconds else "about every minute"
    return Page(
        app_name=plan.parameters.get("AppName", "HubSpot app"),
        simulator_url=simulator_url,
        hubspot_url=plan.parameters["HubSpotAppUrl"],
        state_dir=str(plan.state_dir),
        command=f"{_interpreter()} -m local call",
        command_flags="" if plan.state_dir == DEFAULT_STATE_DIR else f" --state-dir {shlex.quote(str(plan.state_dir))}",
        schedule=f"Accounts that are due for a refresh are looked up {every}.",
    )


def _interpreter() -> str:
    """The running Python's path, relative to the current folder if it is inside."""
    executable = Path(sys.executable)
    try:
        return str(executable.relative_to(Path.cwd()))
    except ValueError:
        return shlex.quote(str(executable))
