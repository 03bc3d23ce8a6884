"""Sits between the product and the outside: names the step of each call, and hands it to a strike if one is set."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.stack import Stack

#: Takes the function that makes the call; returns an answer or raises.
Strike = Callable[[Callable[[], Any]], Any]

#: The step that a call to AWS is, by service and operation; those to DynamoDB are told apart by the table's module.
_STEPS = {
    ("kms", "decrypt"): "unseal",
    ("kms", "generate_data_key"): "data key",
    ("secretsmanager", "get_secret_value"): "secret",
    ("sqs", "send_message"): "rescue",
}
_WRITES = {"lease_due": "lease", "lease_seen": "lease", "commit": "commit", "mark_dead": "mark"} | dict.fromkeys(
    ("try_later", "let_go"), "settle"
)


class Killed(BaseException):
    """The process dies here. No ``except Exception`` stops it."""


@dataclass(slots=True)
class _Force:
    strike: Strike
    times: int | None


class Trouble:
    """What goes wrong, by step, until it is lifted."""

    def __init__(self) -> None:
        self.killed = False
        self._forces: dict[str, _Force] = {}
        self._paused = False
        self._doing = threading.local()  # which method of Accounts this thread is in

    def add(self, step: str, strike: Strike, times: int | None = None) -> None:
        """Strike calls of this step from now on: the next ``times`` of them, or all."""
        self._forces[step] = _Force(strike, times)

    def lift(self) -> None:
        self._forces.clear()

    @contextmanager
    def paused(self) -> Iterator[None]:
        self._paused = True
        try:
            yield
        finally:
            self._paused = False

    def client(self, real: Mapping[str, Any], service: str) -> Any:
        """The client of an AWS service, with its calls passing through here."""
        return _Client(real[service], service, self)

    def between(self, stack: Stack) -> Stack:
        """The stack, with trouble between its refreshing and what that calls."""
        for method, step in _WRITES.items():
            setattr(stack.accounts, method, self._doing_it(step, getattr(stack.accounts, method)))
        ask = stack.hubspot.refresh
        setattr(stack.hubspot, "refresh", lambda *form: self.at("HubSpot", lambda: ask(*form)))  # noqa: B010 - for mypy
        return stack

    def at(self, step: str, go: Callable[[], Any]) -> Any:
        """Make the call, or hand it to the strike that is in force."""
        force = self._forces.get(step)
        if force is None or self._paused or force.times == 0:
            return go()
        force.times = force.times and force.times - 1
        try:
            return force.strike(go)
        except Killed:
            self.killed = True
            raise

    def step_of(self, service: str, operation: str, request: dict[str, Any]) -> str:
        if service == "dynamodb" and request.get("TableName") == "ScratchTable":
            return "breaker" if operation == "update_item" else "state"
        if service == "dynamodb":
            return getattr(self._doing, "step", None) or ("read" if operation == "get_item" else "")
        return _STEPS.get((service, operation), "")

    def _doing_it(self, step: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def do(*arguments: Any, **named: Any) -> Any:
            self._doing.step = step
            try:
                return method(*arguments, **named)
            finally:
                self._doing.step = None

        return do


class _Client:
    """An AWS client whose calls pass through Trouble."""

    def __init__(self, real: Any, service: str, trouble: Trouble) -> None:
        self._real, self._service, self._trouble = real, service, trouble

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if not callable(real) or name in ("exceptions", "get_paginator"):
            return real

        def call(**request: Any) -> Any:
            step = self._trouble.step_of(self._service, name, request)
            return self._trouble.at(step, lambda: real(**request))

        return call
