"""``make deploy``, with a SAM CLI that only notes what it is told."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ops import __main__ as commands
from ops import preflight, sam
from ops.deployment import Deployed

CLIENT_ID = "12345678-1234-1234-1234-123456789012"
#: How SAM CLI 1.170 reads one value of --parameter-overrides.
READ_BY_SAM = re.compile(r'(?: )([A-Za-z0-9]+)=("(?:\\.|[^"\\]+)*"|(?:\\.|[^ "\\]+)+)')
Deploy = Callable[..., Result]


@pytest.fixture
def told() -> dict[str, str]:
    """The parameters that SAM was told."""
    return {}


@pytest.fixture
def before() -> dict[str, str]:
    """The parameters of the stack as it stands."""
    return {}


@pytest.fixture
def deploy(told: dict[str, str], before: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deploy:
    def run(arguments: Sequence[str]) -> int:
        overrides = arguments[arguments.index("--parameter-overrides") + 1 :] if "deploy" in arguments else []
        for value in overrides:
            [(name, read)] = READ_BY_SAM.findall(f" {value}")
            told[name] = read.strip('"')
        return 0

    def deployed(*_: object) -> Deployed:
        url = "https://abc.execute-api.eu-central-1.amazonaws.com"
        return Deployed({"RedirectUrl": f"{url}/oauth-callback", "InstallUrl": url, "TokenApiUrl": url}, True)

    def deploy(*arguments: str, **auth: list[str]) -> Result:
        declared = {
            "type": "oauth",
            "redirectUrls": ["https://auth.example.com/oauth-callback"],
            "requiredScopes": ["oauth"],
            **auth,
        }
        hsmeta = tmp_path / "app-hsmeta.json"
        hsmeta.write_text(json.dumps({"config": {"name": "My own app", "auth": declared}}))
        given = ["deploy", "--hsmeta", str(hsmeta), "--client-id", CLIENT_ID, *arguments]
        return CliRunner().invoke(commands.main, given)

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(sam, "run", run)
    monkeypatch.setattr(preflight, "faults", lambda *_: [])
    monkeypatch.setattr(commands, "look_up", deployed)
    monkeypatch.setattr(commands, "room_fault", lambda *_: None)
    monkeypatch.setattr(commands, "_deployed", lambda *_: before)
    return deploy


def test_sam_is_told_every_scope_of_the_declaration(deploy: Deploy, told: dict[str, str]) -> None:
    result = deploy(
        "--conditional-scope",
        "automation",
        requiredScopes=["crm.objects.contacts.read", "crm.objects.deals.read"],
        conditionallyRequiredScopes=["automation", "files"],
        optionalScopes=["tickets", "e-commerce"],
    )

    assert result.exit_code == 0, result.output
    assert told["RequiredScopes"] == "crm.objects.contacts.read crm.objects.deals.read"
    assert told["ConditionalScopes"] == "automation"
    assert told["OptionalScopes"] == "tickets e-commerce"
    assert told["AppName"] == "My own app"


def test_a_declaration_without_optional_scopes_can_be_deployed(deploy: Deploy, told: dict[str, str]) -> None:
    assert deploy().exit_code == 0
    assert told["OptionalScopes"] == ""


def test_a_redirect_url_that_the_declaration_lacks_is_said_after_the_deploy_that_makes_it(deploy: Deploy) -> None:
    result = deploy()

    assert result.exit_code == 0
    assert "redirectUrls does not list https://abc.execute-api.eu-central-1.amazonaws.com" in result.output


@pytest.mark.parametrize(("listed", "noted"), [("oauth", False), ("tickets", True)])
def test_a_declaration_without_the_scope_oauth_is_deployed_as_it_is_and_noted(
    deploy: Deploy, told: dict[str, str], listed: str, noted: bool
) -> None:
    result = deploy(requiredScopes=[listed])

    assert told["RequiredScopes"] == listed
    assert ("does not list the scope oauth" in result.output) is noted


def test_a_redirect_url_that_is_known_and_not_declared_is_refused_before_the_deploy(
    deploy: Deploy, told: dict[str, str]
) -> None:
    result = deploy("--parameter", "RedirectUrl=https://other.example.com/oauth-callback")

    assert result.exit_code == 2
    assert "redirectUrls does not list https://other.example.com/oauth-callback" in result.output
    assert told == {}


def test_conditional_scopes_of_the_last_deploy_stay_and_are_checked_against_the_declaration(
    deploy: Deploy, told: dict[str, str], before: dict[str, str]
) -> None:
    before["ConditionalScopes"] = "automation"

    assert deploy(conditionallyRequiredScopes=["automation"]).exit_code == 0
    assert "ConditionalScopes" not in told  # SAM keeps what the stack has

    told.clear()
    refused = deploy(conditionallyRequiredScopes=["files"])
    assert (refused.exit_code, told) == (2, {})
    assert "automation is not among conditionallyRequiredScopes" in refused.output


def test_an_account_that_can_reserve_nothing_gets_a_throttle_and_is_told(
    deploy: Deploy, told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "room_fault", lambda *_: "Lambda allows this AWS account 10 concurrent executions")

    result = deploy()

    assert told["AnonymousConcurrency"] == "0"
    assert "Lambda allows this AWS account 10 concurrent executions.\n" in result.output
    assert '--parameter AnonymousConcurrency=10"' in result.output


@pytest.mark.parametrize("said", ["now", "before"])
def test_a_concurrency_that_the_operator_chose_stays(
    deploy: Deploy, told: dict[str, str], before: dict[str, str], monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(commands, "room_fault", lambda *_: "no room")
    before |= {"AnonymousConcurrency": "4"} if said == "before" else {}

    result = deploy(*(["--parameter", "AnonymousConcurrency=4"] if said == "now" else []))

    assert told.get("AnonymousConcurrency") == ("4" if said == "now" else None)
    assert "no room" not in result.output
