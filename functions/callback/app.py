"""GET /oauth-callback (or another CallbackPath): finish the install when HubSpot sends the browser back."""

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth.adapters.api_gateway import Event, Response
from hubspot_oauth.adapters.telemetry import logger, metrics
from hubspot_oauth.product import deployed


@logger.inject_lambda_context(clear_state=True, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> Response:
    return deployed().callback_route.answer(event)
