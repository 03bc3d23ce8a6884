"""DELETE /accounts/{hub_id}: the app leaves an account."""

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth import product
from hubspot_oauth.adapters.api_gateway import Event, Response, hub_id_of, json_answer
from hubspot_oauth.adapters.telemetry import logger, metrics
from hubspot_oauth.api.disconnect import asks_to_uninstall
from hubspot_oauth.api.problems import api


@logger.inject_lambda_context(clear_state=True, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> Response:
    def leave(query: dict[str, str]) -> Response:
        hub_id, uninstall = hub_id_of(event), asks_to_uninstall(query)
        return json_answer(200, product.disconnector().disconnect(hub_id, uninstall=uninstall).body())

    return api(event, leave, product.settings().install_url)
