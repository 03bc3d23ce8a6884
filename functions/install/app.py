"""GET /install: send the browser to HubSpot."""

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth import bootstrap_install
from hubspot_oauth.arrivals import Start
from hubspot_oauth.observe import logger, metrics, report
from hubspot_oauth.start import Redirect
from hubspot_oauth.web import Event, Response, host_of


@logger.inject_lambda_context(clear_state=True, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> Response:
    def start(query: dict[str, str]) -> Redirect:
        redirect = bootstrap_install.starter().start(Start.parse(host_of(event), query))
        if redirect.cookie:
            report("InstallsStarted")
        return redirect

    return bootstrap_install.browser().answer(event, start)
