"""Deploys template.yaml onto the emulator through CloudFormation."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError

from local.alterations import altered
from local.cannot_start import CannotStart
from local.emulator import Emulator
from local.packaging import BUCKET, packaged
from ops.template import Template, load_template

STACK = "hubspot-oauth-local"
_TEMPLATE_KEY = "template.json"
_DEPLOY_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack: the template it was made from, its outputs, and the physical id behind each logical one."""

    emulator: Emulator
    template: Template
    outputs: Mapping[str, str]
    physical_ids: Mapping[str, str]


def deploy(emulator: Emulator, parameters: Mapping[str, str]) -> Stack:
    """Package, upload and deploy the template with these parameters.

    Raises:
        CannotStart: CloudFormation refused the template or did not finish; one line says why.
    """
    template, packages = packaged(altered(load_template()))
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for package in packages:
        s3.put_object(Bucket=BUCKET, Key=package.key, Body=package.content)
    s3.put_object(Bucket=BUCKET, Key=_TEMPLATE_KEY, Body=json.dumps(template).encode())
    _create(emulator, parameters)
    return _stack(emulator, template)


def _create(emulator: Emulator, parameters: Mapping[str, str]) -> None:
    cloudformation = emulator.client("cloudformation")
    try:
        cloudformation.create_stack(
            StackName=STACK,
            TemplateURL=f"{emulator.url}/{BUCKET}/{_TEMPLATE_KEY}",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            OnFailure="DO_NOTHING",
        )
    except ClientError as error:
        raise CannotStart(f"The template was refused: {error.response['Error']['Message']}") from error
    deadline = time.monotonic() + _DEPLOY_SECONDS
    while (status := _status(emulator)).endswith("_IN_PROGRESS") and time.monotonic() < deadline:
        time.sleep(0.02)
    if status != "CREATE_COMPLETE":
        raise CannotStart(f"The stack was not created ({status}): {_reason(emulator)}")


def _status(emulator: Emulator) -> str:
    stacks = emulator.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return str(stacks[0]["StackStatus"])


def _reason(emulator: Emulator) -> str:
    events = emulator.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    reasons = [
        f"{event['LogicalResourceId']}: {' '.join(event['ResourceStatusReason'].split())}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED") and event.get("ResourceStatusReason")
    ]
    # The newest event comes first, and the oldest failure caused the others.
    return reasons[-1] if reasons else "no reason was given"


def _stack(emulator: Emulator, template: Template) -> Stack:
    cloudformation = emulator.client("cloudformation")
    described = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    return Stack(
        emulator,
        template,
        outputs={output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]},
        physical_ids={resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources},
    )
