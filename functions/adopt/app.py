"""PUT /accounts/{hub_id}: adopt a refresh token that another system holds."""

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth.adapters.api_gateway import Event, Response
from hubspot_oauth.adapters.telemetry import logger, metrics
from hubspot_oauth.product import deployed


@logger.inject_lambda_context(clear_state=True, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> Response:
    return deployed().adopt_route.answer(event)
