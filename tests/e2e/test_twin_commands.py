"""The twin's other commands, as processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.template import ROOT
from simulator import SimulatorSettings, serve
from tests.support import twin_process
from tests.support.twin_client import ACME, BEISPIEL
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor

pytestmark = pytest.mark.takes(seconds=30)


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", *words],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_call_asks_a_running_twin_for_a_token(twin: TwinProcess, visitor: TwinVisitor) -> None:
    visitor.install(ACME)

    done = command("call", f"/accounts/{ACME}/token", "--state-dir", str(twin.state))

    assert done.returncode == 0, done.stderr
    assert '"access_token"' in done.stdout


def test_call_makes_an_install_link_for_a_customer(twin: TwinProcess) -> None:
    body = '{"client_reference_id": "customer-1"}'

    done = command("call", "/install-links", "--method", "POST", "--data", body, "--state-dir", str(twin.state))

    assert done.returncode == 0, done.stderr
    assert "/install?link=" in done.stdout


def test_call_takes_a_reference_with_a_space(twin: TwinProcess) -> None:
    done = command("call", "/accounts?client_reference_id=cafe é", "--state-dir", str(twin.state))

    assert done.returncode == 0, done.stderr


def test_call_of_no_path_says_so(twin: TwinProcess) -> None:
    done = command("call", "accounts", "--state-dir", str(twin.state))

    assert done.returncode == 1
    assert done.stderr.endswith("it begins with a slash, like /accounts.\n")


def test_call_without_a_twin_says_so(tmp_path: Path) -> None:
    done = command("call", "/accounts", "--state-dir", str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith("No twin runs in ")


def test_connect_warns_and_sends_installing_users_to_the_real_hubspot(state: Path) -> None:
    environment = {
        "HUBSPOT_CLIENT_SECRET": "a-secret-of-a-real-app",
        "HUBSPOT_CLIENT_ID": SimulatorSettings().client_id,
    }

    with twin_process.running(state, subcommand="connect", environment=environment) as twin:
        location = TwinVisitor(twin).start().headers["location"]

        assert location.startswith("https://app.hubspot.com/oauth/authorize?")
        assert "does not protect real tokens" in twin.output.so_far()


def test_verify_prints_a_verdict_for_each_fact() -> None:
    with serve(SimulatorSettings()) as other:
        settings = other.simulator.settings
        done = command(
            *("verify", "--hubspot-api-url", other.url, "--hubspot-app-url", other.url),
            *("--client-id", settings.client_id, "--redirect-url", "https://app.example.com/oauth-callback"),
            HUBSPOT_CLIENT_SECRET=settings.client_secret,
        )

    assert done.returncode == 0, done.stdout
    assert "confirmed" in done.stdout
    assert "0 contradicted" in done.stdout
    assert settings.client_secret not in done.stdout + done.stderr


def test_verify_without_a_secret_says_what_is_missing() -> None:
    done = command("verify", "--client-id", "x", HUBSPOT_CLIENT_SECRET="")

    assert done.returncode == 1
    assert "HUBSPOT_CLIENT_SECRET" in done.stderr


def test_wrong_flags_are_one_clear_line() -> None:
    done = command("--schedule-seconds", "never")

    assert done.returncode == 2
    assert "--schedule-seconds" in done.stderr
    assert "Traceback" not in done.stderr


def test_install_needs_no_browser(twin: TwinProcess) -> None:
    twin.remove_accounts()

    done = command("install", str(ACME), "--state-dir", str(twin.state))

    assert (done.returncode, done.stdout) == (0, f"The app is installed in account {ACME}.\n"), done.stderr
    assert twin.token(ACME).status_code == 200


def test_install_follows_a_customers_link(twin: TwinProcess) -> None:
    twin.remove_accounts()
    link = twin.call("/install-links", "POST", client_reference_id="customer-7").json()["url"]

    done = command("install", str(ACME), "--link", link, "--state-dir", str(twin.state))

    assert done.returncode == 0, done.stderr
    assert twin.call(f"/accounts/{ACME}").json()["client_reference_id"] == "customer-7"


def test_install_says_why_it_was_refused(twin: TwinProcess) -> None:
    link = twin.call("/install-links", "POST", hub_id=BEISPIEL).json()["url"]

    wrong = command("install", str(ACME), "--link", link, "--state-dir", str(twin.state))
    spoilt = command("install", str(ACME), "--link", link + "x", "--state-dir", str(twin.state))
    unknown = command("install", "424242", "--state-dir", str(twin.state))

    assert [done.returncode for done in (wrong, spoilt, unknown)] == [1, 1, 1]
    assert "refused: wrong_account." in wrong.stderr
    assert "refused: link_invalid." in spoilt.stderr
    assert "HubSpot refuses to install the app in account 424242" in unknown.stderr


def test_env_is_all_that_a_program_with_the_client_needs(twin: TwinProcess, visitor: TwinVisitor) -> None:
    visitor.install(ACME)
    program = (
        "import requests, os; from hubspot_tokens import HubSpotAuth;"
        f"answer = requests.get(os.environ['HUBSPOT_API_URL'] + '/crm/v3/objects/contacts', auth=HubSpotAuth({ACME}));"
        "print(answer.json()['results'][0]['properties']['firstname'])"
    )
    shell = f'eval "$("$0" -m local env --state-dir "$1")" && PYTHONPATH=layers/client "$0" -c "{program}"'

    done = subprocess.run(
        ["sh", "-c", shell, sys.executable, str(twin.state)],
        cwd=ROOT,
        env=os.environ | {"AWS_PROFILE": "not-there", "AWS_SESSION_TOKEN": "stale"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (0, "Grace\n"), done.stderr
