"""The product's token route over HTTP, without API Gateway and its IAM."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

from tests.support.lambda_events import token_event
from tests.support.stack import Stack, a_minute
from tests.support.token_service import Asked, Said, TokenService, serving


@contextmanager
def served(stack: Stack) -> Iterator[TokenService]:
    """Serve the stack's token route while the block lasts."""

    def answer(asked: Asked) -> Said:
        parts = urlsplit(asked.target)
        hub_id = int(parts.path.split("/")[2])
        response = stack.token_route.answer(token_event(hub_id, **dict(parse_qsl(parts.query))), a_minute)
        return Said(response["statusCode"], response["body"], response["headers"])

    with serving(answer) as service:
        yield service
