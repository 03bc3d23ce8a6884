"""POST /install-links: a signed link that says who is installing."""

import time

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth import product, product_install
from hubspot_oauth.adapters.api_gateway import Event, Response, host_of, json_answer
from hubspot_oauth.adapters.telemetry import logger, metrics
from hubspot_oauth.api.install_links import asked_link
from hubspot_oauth.api.problems import api
from hubspot_oauth.api.token_route import iso


@logger.inject_lambda_context(clear_state=True, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> Response:
    def make(_: dict[str, str]) -> Response:
        link = asked_link(event, time.time)
        url = product_install.starter().make_link(link, host_of(event))
        return json_answer(201, {"url": url, "expires_at": iso(link.expires_at)})

    return api(event, make, product.settings().install_url)
