"""The product on moto, beside a HubSpot simulator that speaks HTTP."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.stack import Clock, Stack, create_resources


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """An empty AWS account with the stack's resources; the environment that names them."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield create_resources()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stack(aws: dict[str, str], clock: Clock) -> Stack:
    return Stack(aws, clock)
