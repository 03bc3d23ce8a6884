"""GET /accounts and GET /accounts/{hub_id}: who is connected."""

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth import product
from hubspot_oauth.adapters.api_gateway import Event, Response, hub_id_of, json_answer
from hubspot_oauth.adapters.telemetry import logger, metrics
from hubspot_oauth.api.problems import api


@logger.inject_lambda_context(clear_state=True, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> Response:
    def show(query: dict[str, str]) -> Response:
        if event.get("pathParameters"):
            return json_answer(200, product.directory().one(hub_id_of(event)))
        return json_answer(200, product.directory().page(query))

    return api(event, show, product.settings().install_url)
