"""Everything in which the deployed template differs from template.yaml, with the reason for each.

A test compares the two and finds nothing else; tests on the translated template prove what is taken out here.
Where the code lies is not in this list: that is packaging, and AWS does the same.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from local.template import Template, resources_of

#: The one condition key in our roles that the emulation does not know.
UNKNOWN_CONDITION_KEY = "kms:EncryptionContext:"
#: What a role of ours needs to send messages, one or many; the second is the emulation's own.
SEND, SEND_BATCH = "sqs:SendMessage", "sqs:SendMessageBatch"


@dataclass(frozen=True, slots=True)
class Alteration:
    """One kind of difference. `apply` changes the template in place."""

    reason: str
    apply: Callable[[Template], None]


def drop_encryption_context_conditions(template: Template) -> None:
    """Take the encryption context out of the conditions of roles; the key's own policy stays as it is."""
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
    """Ask for a secret's ARN by its attribute: on AWS the same value as its Ref."""
    secrets = {name for name, _ in resources_of(template, "AWS::SecretsManager::Secret")}
    for node in _mappings(template):
        if node.get("Ref") in secrets:
            node["Fn::GetAtt"] = [node.pop("Ref"), "Id"]


def drop_metric_math_alarms(template: Template) -> None:
    """Take out the alarms that compute with several metrics; nothing here emits what they would read."""
    for name, properties in list(resources_of(template, "AWS::CloudWatch::Alarm")):
        if "Metrics" in properties:
            del template["Resources"][name]


def name_the_batch_action(template: Template) -> None:
    """Where a role may send a message, let it send several: on AWS the one permission covers both calls."""
    for _, properties in resources_of(template, "AWS::IAM::Role"):
        for statement in _statements(properties):
            actions = statement["Action"]
            if SEND in actions:
                statement["Action"] = [*([actions] if isinstance(actions, str) else actions), SEND_BATCH]


ALTERATIONS = (
    Alteration(
        "The emulation knows no encryption context in a condition: such a statement would allow nothing.",
        drop_encryption_context_conditions,
    ),
    Alteration(
        "The emulation answers the Ref of a secret with its name, which no policy on its ARN matches.",
        name_secrets_by_arn,
    ),
    Alteration(
        "The emulation refuses the whole stack for an alarm with metric math.",
        drop_metric_math_alarms,
    ),
    Alteration(
        "The emulation wants an action of its own for a batch of messages, which IAM does not have.",
        name_the_batch_action,
    ),
)


def altered(template: Template) -> Template:
    """The template as the twin deploys it, apart from where its code lies."""
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
