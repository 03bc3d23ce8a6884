"""What the twin deploys is template.yaml, but for one short list of differences, each of which is needed."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from local import after_deploy, alterations
from local.cannot_start import CannotStart
from local.deploy import Stack, deploy
from local.emulator import await_ready, emulator
from local.plan import Options, plan_of
from local.statedir import EMULATOR_LOG, state_dir
from ops.template import load_template
from tests.support.free_ports import free_port
from tests.support.twin_process import TwinProcess
from tests.support.waiting import eventually

MISSING = "missing"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bare") / "state"


@pytest.fixture(scope="module")
def bare(folder: Path) -> Iterator[Stack]:
    """A stack as the emulator makes it, before anything is completed."""
    with ExitStack() as parts:
        yield deployed(parts, folder)


def deployed(parts: ExitStack, state: Path) -> Stack:
    plan = plan_of(Options(free_port(), free_port(), free_port(), state))
    folder = parts.enter_context(state_dir(state))
    aws = parts.enter_context(emulator(plan.aws_port, folder))
    await_ready(aws, folder / EMULATOR_LOG)
    return deploy(aws, plan.parameters)


def test_the_deployed_template_differs_in_the_listed_ways_and_no_other(twin: TwinProcess) -> None:
    body = twin.aws("s3").get_object(Bucket="twin-code", Key="template.json")["Body"].read()

    found = {kind_of(path, ours, theirs) for path, ours, theirs in differences(load_template(), json.loads(body))}

    assert found == {
        "code is packaged",
        "no encryption context in a condition",
        "a secret's ARN by attribute",
        "no alarm with metric math",
        "an action of its own for batches",
    }
    assert len(alterations.ALTERATIONS) == len(found) - 1


def kind_of(path: tuple[Any, ...], ours: Any, theirs: Any) -> str:
    """The name of one allowed difference; an AssertionError for any other."""
    match path, ours, theirs:
        case ("Resources", _, "Properties", "CodeUri" | "ContentUri"), str(), str():
            assert theirs.startswith("s3://")
            return "code is packaged"
        case ("Resources", _, "Properties", "Policies", 0, "PolicyDocument", "Statement", _, "Condition"), _, "missing":
            assert ours == {"StringEquals": {"kms:EncryptionContext:hubspot_client_id": {"Ref": "HubSpotClientId"}}}
            return "no encryption context in a condition"
        case (*_, "Ref"), "StateKey" | "ClientSecret", "missing":
            return "a secret's ARN by attribute"
        case (*_, "Fn::GetAtt"), "missing", ["StateKey" | "ClientSecret", "Id"]:
            return "a secret's ARN by attribute"
        case ("Resources", _), {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}, "missing":
            assert "Metrics" in properties
            return "no alarm with metric math"
        case (*_, "Statement", _, "Action"), _, list():
            assert theirs == [*([ours] if isinstance(ours, str) else ours), "sqs:SendMessageBatch"]
            return "an action of its own for batches"
    raise AssertionError(f"{path}: {ours} became {theirs}")


def differences(ours: Any, theirs: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    if path and path[-1] == "Action" and ours != theirs:
        yield path, ours, theirs
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours.keys() | theirs.keys():
            yield from differences(ours.get(name, MISSING), theirs.get(name, MISSING), (*path, name))
    elif isinstance(ours, list) and isinstance(theirs, list):
        for number, (mine, its) in enumerate(zip_longest(ours, theirs, fillvalue=MISSING)):
            yield from differences(mine, its, (*path, number))
    elif ours != theirs:
        yield path, ours, theirs


def test_any_other_difference_is_noticed() -> None:
    other = deepcopy(load_template())
    other["Resources"]["RefreshQueue"]["Properties"]["VisibilityTimeout"] = 1

    with pytest.raises(AssertionError, match="VisibilityTimeout"):
        _ = [kind_of(*difference) for difference in differences(load_template(), other)]


def test_without_the_alarms_taken_out_the_emulator_refuses_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tuple(a for a in alterations.ALTERATIONS if a.apply is not alterations.drop_metric_math_alarms)
    monkeypatch.setattr(alterations, "ALTERATIONS", kept)

    with ExitStack() as parts, pytest.raises(CannotStart, match="Alarm"):
        deployed(parts, tmp_path / "state")


def test_the_emulator_leaves_out_what_completion_adds(bare: Stack, folder: Path) -> None:
    tables = {name: bare.physical_ids[name] for name in ("AccountsTable", "ScratchTable")}
    dynamodb = bare.emulator.client("dynamodb")

    assert (
        dynamodb.describe_time_to_live(TableName=tables["ScratchTable"])["TimeToLiveDescription"]["TimeToLiveStatus"]
        == "DISABLED"
    )
    assert recovery(dynamodb, tables["AccountsTable"]) == "DISABLED"
    assert "SSEDescription" not in dynamodb.describe_table(TableName=tables["AccountsTable"])["Table"]
    assert bare.emulator.client("secretsmanager").get_secret_value(SecretId=bare.outputs["ClientSecretArn"])
    eventually(lambda: "ESM SQS poller error: '>='" in (folder / EMULATOR_LOG).read_text())


def test_the_completed_stack_is_what_the_template_says(bare: Stack) -> None:
    after_deploy.complete(bare)

    tables = {name: bare.physical_ids[name] for name in ("AccountsTable", "ScratchTable")}
    dynamodb = bare.emulator.client("dynamodb")
    secrets = bare.emulator.client("secretsmanager")
    time_to_live = dynamodb.describe_time_to_live(TableName=tables["ScratchTable"])["TimeToLiveDescription"]
    sealed = dynamodb.describe_table(TableName=tables["AccountsTable"])["Table"]["SSEDescription"]
    assert time_to_live["TimeToLiveStatus"] == "ENABLED"
    assert recovery(dynamodb, tables["AccountsTable"]) == "ENABLED"
    assert sealed["SSEType"] == "KMS"
    assert bare.outputs["TokensKeyArn"].endswith(sealed["KMSMasterKeyArn"])
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId=bare.outputs["ClientSecretArn"])


def test_the_twin_publishes_its_own_address_and_the_emulator_another(twin: TwinProcess, bare: Stack) -> None:
    name = "/hubspot-oauth/hubspot-oauth-local/api-url"

    published = [
        client.get_parameter(Name=name)["Parameter"]["Value"]
        for client in (twin.aws("ssm"), bare.emulator.client("ssm"))
    ]

    assert published[0] == twin.url
    assert published[1] == bare.outputs["TokenApiUrl"]


def recovery(dynamodb: Any, table: str) -> str:
    answer = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    return str(answer["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"])
