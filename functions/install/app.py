"""GET /install: send the browser to HubSpot."""

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth import product_install
from hubspot_oauth.adapters.api_gateway import Event, Response, host_of
from hubspot_oauth.adapters.telemetry import logger, metrics, report
from hubspot_oauth.install.arrivals import Start
from hubspot_oauth.install.start import Redirect


@logger.inject_lambda_context(clear_state=True, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> Response:
    def start(query: dict[str, str]) -> Redirect:
        redirect = product_install.starter().start(Start.parse(host_of(event), query))
        if redirect.cookie:
            report("InstallsStarted")
        return redirect

    return product_install.browser().answer(event, start)
