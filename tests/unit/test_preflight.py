"""What is checked on the operator's machine before anything is deployed."""

from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner

from ops import preflight
from ops.__main__ import main


def test_the_preflight_names_what_is_missing_with_its_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))

    faults = preflight.faults()

    assert len(faults) == 2
    assert "Python 3.13" in faults[0]
    assert "pipx install aws-sam-cli" in faults[1]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with nothing on it: no SAM, no Python 3.13, no AWS configuration."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))


@pytest.mark.usefixtures("bare")
def test_deploy_names_everything_that_is_missing_at_once() -> None:
    done = CliRunner().invoke(main, ["deploy"])

    mends = [
        "pyenv install 3.13",
        "pipx install aws-sam-cli",
        "export AWS_REGION=",
        "aws sso login",
        "--client-id YOUR-CLIENT-ID",
        "HSMETA=path/to/app-hsmeta.json",
    ]
    lines = done.output.splitlines()
    assert done.exit_code == 2
    assert len(lines) == len(mends)
    assert all(mend in line for mend, line in zip(mends, lines, strict=True))


@pytest.mark.usefixtures("bare")
def test_a_profile_that_is_not_there_is_named_with_the_rest() -> None:
    done = CliRunner().invoke(main, ["deploy", "--profile", "nobody"])

    assert done.exit_code == 2
    assert "pipx install aws-sam-cli" in done.output
    assert "aws configure list-profiles" in done.output


@pytest.mark.usefixtures("bare")
def test_the_region_of_the_mend_is_the_region_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")

    done = CliRunner().invoke(main, ["deploy"])

    assert "region" not in done.output


def test_a_region_that_cannot_be_one_is_named() -> None:
    assert preflight.region_fault(boto3.Session(region_name="eu-central-1")) is None
    assert "is not an AWS region" in str(preflight.region_fault(boto3.Session(region_name="Frankfurt")))


def test_an_aws_out_of_reach_is_not_taken_for_wrong_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    session = boto3.Session("key", "secret", region_name="eu-central-1")

    assert str(preflight.credentials_fault(session)).startswith("AWS cannot be reached")
