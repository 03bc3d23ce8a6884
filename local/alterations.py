"""Lists every difference between template.yaml and the template that the twin deploys, with a reason for each.

A test compares the two templates and fails on any other difference. Tests on the translated template check what is
removed here. Code locations are not in this list: packaging replaces them, as `sam package` does for AWS.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ops.template import Template, resources_of

#: The only condition key of our roles that the emulator does not support.
UNKNOWN_CONDITION_KEY = "kms:EncryptionContext:"
#: The action that lets a role send messages, and a second one for batches, which only the emulator has.
SEND, SEND_BATCH = "sqs:SendMessage", "sqs:SendMessageBatch"


@dataclass(frozen=True, slots=True)
class Alteration:
    """One kind of difference. `apply` changes the template in place."""

    reason: str
    apply: Callable[[Template], None]


def drop_encryption_context_conditions(template: Template) -> None:
    """Remove the encryption context from the conditions of roles; the key's own policy keeps it."""
    for _, properties in resources_of(template, "AWS::IAM::Role"):
        for statement in _statements(properties):
            for operator, keys in list(statement.get("Condition", {}).items()):
                for key in [key for key in keys if key.startswith(UNKNOWN_CONDITION_KEY)]:
                    del keys[key]
                if not keys:
                    del statement["Condition"][operator]
            if statement.get("Condition") == {}:
                del statement["Condition"]


def name_secrets_by_arn(template: Template) -> None:
    """Replace the Ref of a secret by its Id attribute; on AWS both give the ARN."""
    secrets = {name for name, _ in resources_of(template, "AWS::SecretsManager::Secret")}
    for node in _mappings(template):
        if node.get("Ref") in secrets:
            node["Fn::GetAtt"] = [node.pop("Ref"), "Id"]


def drop_metric_math_alarms(template: Template) -> None:
    """Remove the alarms on metric math; the emulator emits none of the metrics that they read."""
    for name, properties in list(resources_of(template, "AWS::CloudWatch::Alarm")):
        if "Metrics" in properties:
            del template["Resources"][name]


def name_the_batch_action(template: Template) -> None:
    """Add the batch action to each role that may send messages; on AWS one action covers both calls."""
    for _, properties in resources_of(template, "AWS::IAM::Role"):
        for statement in _statements(properties):
            actions = statement["Action"]
            if SEND in actions:
                statement["Action"] = [*([actions] if isinstance(actions, str) else actions), SEND_BATCH]


ALTERATIONS = (
    Alteration(
        "The emulator does not support the encryption context in a condition: the statement would allow nothing.",
        drop_encryption_context_conditions,
    ),
    Alteration(
        "The emulator answers the Ref of a secret with its name, which no policy on its ARN matches.",
        name_secrets_by_arn,
    ),
    Alteration(
        "The emulator refuses the whole stack for an alarm with metric math.",
        drop_metric_math_alarms,
    ),
    Alteration(
        "The emulator requires an action for a batch of messages that IAM does not have.",
        name_the_batch_action,
    ),
)


def altered(template: Template) -> Template:
    """Return the template with every alteration applied."""
    copy = deepcopy(template)
    for alteration in ALTERATIONS:
        alteration.apply(copy)
    return copy


def _statements(node: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any part of a template
    return (mapping for mapping in _mappings(node) if "Effect" in mapping)


def _mappings(node: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    if isinstance(node, dict):
        yield node
        for value in list(node.values()):
            yield from _mappings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _mappings(value)
