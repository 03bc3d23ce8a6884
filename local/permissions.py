"""Checks the permissions that AWS's services need and that the emulator does not check.

Without this check the twin would run a template that fails on AWS: a function cannot read its queue, a schedule cannot
start its target, a log stays empty, a route answers 500.
"""

import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError

from local.cannot_start import CannotStart
from local.deploy import Stack
from local.emulator import Emulator
from local.routes import STAGE, Route, Routes

_READ_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_WRITE_LOG = ("logs:CreateLogStream", "logs:PutLogEvents")


def allowed(emulator: Emulator, principal_arn: str, action: str, resource_arn: str) -> bool:
    """Whether the emulated IAM allows a user or role this action."""
    answer = emulator.client("iam").simulate_principal_policy(
        PolicySourceArn=principal_arn, ActionNames=[action], ResourceArns=[resource_arn]
    )
    return bool(answer["EvaluationResults"][0]["EvalDecision"] == "allowed")


def require_service_permissions(stack: Stack, api_id: str, routes: Routes) -> None:
    """Check every permission that the stack's services need.

    Raises:
        CannotStart: With one line for each permission that is missing.
    """
    needed = [*_of_logs(stack), *_of_queues(stack), *_of_schedules(stack)]
    faults = [
        f"{principal.rpartition('/')[2]} lacks {action} on {resource}: AWS would not run this stack."
        for principal, action, resource in needed
        if not allowed(stack.emulator, principal, action, resource)
    ]
    faults += [
        f"API Gateway may not call the function of “{route.key}”: AWS would answer 500."
        for route in routes
        if not _callable(stack.emulator, api_id, route)
    ]
    if faults:
        raise CannotStart(*faults)


_Need = tuple[str, str, str]


def _of_logs(stack: Stack) -> Iterator[_Need]:
    for function in _functions(stack):
        group = stack.emulator.arn("logs", f"log-group:{function['LoggingConfig']['LogGroup']}:log-stream:any")
        yield from ((function["Role"], action, group) for action in _WRITE_LOG)


def _of_queues(stack: Stack) -> Iterator[_Need]:
    roles = {function["FunctionArn"]: function["Role"] for function in _functions(stack)}
    for mapping in stack.emulator.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
        if ":sqs:" in mapping["EventSourceArn"]:
            role = roles[mapping["FunctionArn"]]
            yield from ((role, action, mapping["EventSourceArn"]) for action in _READ_QUEUE)


def _of_schedules(stack: Stack) -> Iterator[_Need]:
    scheduler = stack.emulator.client("scheduler")
    for summary in scheduler.list_schedules()["Schedules"]:
        target = scheduler.get_schedule(Name=summary["Name"])["Target"]
        yield target["RoleArn"], "lambda:InvokeFunction", target["Arn"]


def _functions(stack: Stack) -> Iterable[dict[str, Any]]:
    functions: list[dict[str, Any]] = stack.emulator.client("lambda").list_functions()["Functions"]
    return functions


def _callable(emulator: Emulator, api_id: str, route: Route) -> bool:
    source = emulator.arn("execute-api", f"{api_id}/{STAGE}/{route.method}{route.path}")
    try:
        policy = json.loads(emulator.client("lambda").get_policy(FunctionName=route.function_arn)["Policy"])
    except ClientError:
        return False
    return any(
        statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
        and fnmatchcase(source, statement["Condition"]["ArnLike"]["AWS:SourceArn"])
        for statement in policy["Statement"]
    )
