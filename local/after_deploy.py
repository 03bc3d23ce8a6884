"""Completes what the emulator's CloudFormation leaves undone, by calling the services' public APIs.

Each function's docstring names the gap. A test fails when the emulator has closed a gap itself.
"""

from local.deploy import Stack
from ops.template import resources_of


def complete(stack: Stack) -> None:
    set_time_to_live(stack)
    switch_recovery_on(stack)
    encrypt_tables(stack)
    empty_unset_secrets(stack)
    count_workers_in_numbers(stack)


def publish_address(stack: Stack, url: str) -> None:
    """Publish the twin's own address; the template publishes that of the emulator's front, which is not the API's."""
    parameter = stack.physical_ids["ApiUrlParameter"]
    stack.emulator.client("ssm").put_parameter(Name=parameter, Value=url, Type="String", Overwrite=True)


def set_time_to_live(stack: Stack) -> None:
    """Set each table's time to live, which the emulator ignores in a template."""
    for name, properties in resources_of(stack.template, "AWS::DynamoDB::Table"):
        if "TimeToLiveSpecification" in properties:
            stack.emulator.client("dynamodb").update_time_to_live(
                TableName=stack.physical_ids[name], TimeToLiveSpecification=properties["TimeToLiveSpecification"]
            )


def switch_recovery_on(stack: Stack) -> None:
    """Switch on each table's point-in-time recovery, which the emulator ignores in a template."""
    for name, properties in resources_of(stack.template, "AWS::DynamoDB::Table"):
        if "PointInTimeRecoverySpecification" in properties:
            stack.emulator.client("dynamodb").update_continuous_backups(
                TableName=stack.physical_ids[name],
                PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
            )


def encrypt_tables(stack: Stack) -> None:
    """Encrypt each table under its own key, which the emulator ignores in a template."""
    for name, properties in resources_of(stack.template, "AWS::DynamoDB::Table"):
        if "SSESpecification" in properties:
            key, _ = properties["SSESpecification"]["KMSMasterKeyId"]["Fn::GetAtt"]
            stack.emulator.client("dynamodb").update_table(
                TableName=stack.physical_ids[name],
                SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": stack.physical_ids[key]},
            )


def empty_unset_secrets(stack: Stack) -> None:
    """Take the empty value out of a secret declared without one, where AWS stores no version."""
    secrets = stack.emulator.client("secretsmanager")
    for name, properties in resources_of(stack.template, "AWS::SecretsManager::Secret"):
        if not properties.keys() & {"SecretString", "GenerateSecretString"}:
            secret_id = stack.physical_ids[name]
            for version, stages in secrets.describe_secret(SecretId=secret_id)["VersionIdsToStages"].items():
                if "AWSCURRENT" in stages:
                    secrets.update_secret_version_stage(
                        SecretId=secret_id, VersionStage="AWSCURRENT", RemoveFromVersionId=version
                    )


def count_workers_in_numbers(stack: Stack) -> None:
    """Make MaximumConcurrency a number; the emulator keeps a parameter's text, and then never reads the queue."""
    functions = stack.emulator.client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        if "ScalingConfig" in mapping:
            most = int(mapping["ScalingConfig"]["MaximumConcurrency"])
            functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": most})
