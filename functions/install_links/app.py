"""POST /install-links: a signed link that says who is installing."""

import time

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth import bootstrap, bootstrap_install
from hubspot_oauth.links import asked_link
from hubspot_oauth.observe import logger, metrics
from hubspot_oauth.vending import iso
from hubspot_oauth.web import Event, Response, api, host_of, json_answer


@logger.inject_lambda_context(clear_state=True, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> Response:
    def make(_: dict[str, str]) -> Response:
        link = asked_link(event, time.time)
        url = bootstrap_install.starter().make_link(link, host_of(event))
        return json_answer(201, {"url": url, "expires_at": iso(link.expires_at)})

    return api(event, make, bootstrap.settings().install_url)
