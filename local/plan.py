"""Turns the command line into a `Plan` before anything starts, and reports all its faults at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from local.cannot_start import CannotStart
from ops.hsmeta import HsMeta, HsMetaError, load_hsmeta
from ops.parameters import check_parameters
from ops.template import load_template
from simulator import SimulatorSettings
from simulator.configuration import DEFAULT_CLIENT_SECRET

CALLBACK_PATH = "/oauth-callback"
_HOW = {"HubSpotClientId": "--client-id ID"}


@dataclass(frozen=True, slots=True)
class Options:
    """The values of the command line, unchecked.

    None means not given. With an empty `secret` the stack gets no client secret.
    """

    port: int
    hubspot_port: int
    aws_port: int
    state_dir: Path
    api_url: str | None = None
    app_url: str | None = None
    client_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    hsmeta: Path | None = None
    schedule_seconds: float | None = None
    parameters: Sequence[str] = ()
    token_lifetime: int | None = None
    rotate_refresh_tokens: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Checked settings of a twin. Without `simulator`, it talks to the HubSpot that `parameters` names."""

    port: int
    hubspot_port: int
    aws_port: int
    state_dir: Path
    schedule_seconds: float | None
    parameters: Mapping[str, str]
    client_secret: str = field(repr=False)
    simulator: SimulatorSettings | None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def ports(self) -> Mapping[str, int]:
        """The ports that must be free, by flag."""
        ports = {"--port": self.port, "--aws-port": self.aws_port}
        return ports | ({"--hubspot-port": self.hubspot_port} if self.simulator else {})


def plan_of(options: Options) -> Plan:
    """Check the options and fill in the defaults.

    Raises:
        CannotStart: With one line for each fault.
    """
    given, faults = _given_parameters(options.parameters)
    declared, its_faults = _declared(options)
    faults += [*its_faults, *_hubspot_faults(options)]
    simulated = options.api_url is None and options.app_url is None
    simulator = _simulator(options, given, declared) if simulated else None
    parameters = _defaults(options, declared, simulator) | given
    parameters.setdefault("RedirectUrl", f"http://localhost:{options.port}{parameters['CallbackPath']}")
    faults += [f"--hsmeta: {fault}." for fault in (declared.faults(parameters) if declared else [])]
    faults += check_parameters(load_template(), parameters, _HOW)
    if faults:
        raise CannotStart(*faults)
    return Plan(
        port=options.port,
        hubspot_port=options.hubspot_port,
        aws_port=options.aws_port,
        state_dir=options.state_dir,
        schedule_seconds=options.schedule_seconds,
        parameters=parameters,
        client_secret=simulator.client_secret if simulator and options.secret is None else options.secret or "",
        simulator=simulator,
    )


def _given_parameters(pairs: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    given: dict[str, str] = {}
    faults = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            faults.append(f"--parameter {pair}: write it as Name=Value.")
        given[name] = value
    return {name: value for name, value in given.items() if name}, faults


def _declared(options: Options) -> tuple[HsMeta | None, list[str]]:
    if options.hsmeta is None:
        return None, []
    try:
        declared = load_hsmeta(options.hsmeta)
    except HsMetaError as error:
        return None, [f"--hsmeta: {fault}." for fault in error.faults]
    if _own_redirect_url(declared, options.port) is None:
        wanted = f"http://localhost:{options.port}"
        return declared, [f"--hsmeta: redirectUrls has none on {wanted}: add {wanted}{CALLBACK_PATH} there."]
    return declared, []


def _own_redirect_url(declared: HsMeta, port: int) -> str | None:
    return next((url for url in declared.redirect_urls if url.startswith(f"http://localhost:{port}/")), None)


def _hubspot_faults(options: Options) -> list[str]:
    if options.api_url is None and options.app_url is None:
        return []
    needed = {
        "--hubspot-api-url": options.api_url,
        "--hubspot-app-url": options.app_url,
    }
    faults = [f"{flag} is missing: another HubSpot needs it." for flag, value in needed.items() if not value]
    if not options.secret:
        faults.append("HUBSPOT_CLIENT_SECRET is missing: set it in the environment, or run this in a terminal.")
    if options.token_lifetime is not None or options.rotate_refresh_tokens:
        faults.append("--token-lifetime and --rotate-refresh-tokens are switches of the simulator, which does not run.")
    return faults


def _defaults(options: Options, declared: HsMeta | None, simulator: SimulatorSettings | None) -> dict[str, str]:
    simulator_url = f"http://localhost:{options.hubspot_port}"
    parameters = {
        "HubSpotApiUrl": options.api_url or simulator_url,
        "HubSpotAppUrl": options.app_url or simulator_url,
        "RequiredScopes": "oauth",
        "CallbackPath": CALLBACK_PATH,
    }
    if simulator:
        parameters |= {
            "HubSpotClientId": simulator.client_id,
            "AppName": simulator.app_name,
            "RequiredScopes": " ".join(simulator.required_scopes),
            "OptionalScopes": " ".join(simulator.optional_scopes),
        }
    elif options.client_id:
        parameters["HubSpotClientId"] = options.client_id
    if declared:
        parameters |= declared.parameters()
        if own := _own_redirect_url(declared, options.port):
            parameters |= {"RedirectUrl": own, "CallbackPath": urlsplit(own).path}
    return parameters


def _simulator(options: Options, given: Mapping[str, str], declared: HsMeta | None) -> SimulatorSettings:
    switches: dict[str, object] = {
        "client_secret": options.secret or DEFAULT_CLIENT_SECRET,
        "rotate_refresh_tokens": options.rotate_refresh_tokens,
        "marketplace_origin": f"http://localhost:{options.hubspot_port}",
    }
    if options.client_id:
        switches["client_id"] = options.client_id
    if options.token_lifetime:
        switches["token_lifetime"] = options.token_lifetime
    if declared and options.hsmeta:
        document = json.loads(options.hsmeta.read_text(encoding="utf-8-sig"))
        return SimulatorSettings.from_hsmeta(document, **switches)
    path = given.get("CallbackPath", CALLBACK_PATH)
    redirect_url = given.get("RedirectUrl", f"http://localhost:{options.port}{path}")
    return SimulatorSettings(redirect_urls=(redirect_url,), **switches)  # type: ignore[arg-type]
