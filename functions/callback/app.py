"""GET /oauth-callback: HubSpot sends the browser back; finish the install."""

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth import product_install
from hubspot_oauth.adapters.api_gateway import Event, Response, host_of
from hubspot_oauth.adapters.telemetry import logger, metrics
from hubspot_oauth.install.arrivals import Arrival
from hubspot_oauth.install.browser import cookies_of


@logger.inject_lambda_context(clear_state=True, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> Response:
    return product_install.browser().answer(
        event,
        lambda query: product_install.callback().arrive(Arrival.parse(host_of(event), query, cookies_of(event))),
    )
