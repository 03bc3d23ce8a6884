"""`python -m simulator`."""

import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from simulator import SimulatorSettings, serve
from simulator.configuration import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from simulator.declaration import InvalidDeclaration, load_declaration


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3001, show_default=True)
@click.option("--hsmeta", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="An app-hsmeta.json.")
@click.option("--redirect-url", "redirect_urls", multiple=True, help="A registered redirect URL; may be repeated.")
@click.option("--client-id", default=DEFAULT_CLIENT_ID, show_default=True)
@click.option("--client-secret", envvar="HUBSPOT_CLIENT_SECRET", default=DEFAULT_CLIENT_SECRET, hidden=True)
@click.option("--token-lifetime", default=1800, show_default=True, help="Seconds.")
@click.option("--rotate", "rotate_refresh_tokens", is_flag=True, help="A new refresh token at every refresh.")
@click.option("--latency", default=0.0, show_default=True, help="Seconds that each API call takes.")
@click.option("--marketplace-origin", default="https://app.hubspot.com", show_default=True)
def main(port: int, hsmeta: Path | None, redirect_urls: tuple[str, ...], **switches: Any) -> None:  # noqa: ANN401
    """Serve a simulated HubSpot until Ctrl-C or SIGTERM."""
    if redirect_urls:
        switches["redirect_urls"] = redirect_urls
    settings = _declared(hsmeta, switches) if hsmeta else SimulatorSettings(**switches)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with serve(settings, port) as hubspot:
            click.echo(f"Simulated HubSpot on {hubspot.url}")
            stopped.wait()
    except OSError as error:
        raise click.ClickException(f"Port {port} cannot be used: {error.strerror}.") from error


def _declared(hsmeta: Path, switches: Mapping[str, Any]) -> SimulatorSettings:
    try:
        declaration = load_declaration(hsmeta)
    except InvalidDeclaration as error:
        raise click.ClickException("\n".join(f"--hsmeta: {fault}." for fault in error.faults)) from error
    return SimulatorSettings.from_hsmeta(declaration, **switches)


if __name__ == "__main__":
    main()
