"""GET /accounts/{hub_id}/token: an access token that works, for the team's own code."""

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth import product
from hubspot_oauth.adapters.api_gateway import Event, Response, hub_id_of, json_answer, remaining_of
from hubspot_oauth.adapters.telemetry import logger, metrics
from hubspot_oauth.api.problems import api
from hubspot_oauth.api.token_route import token_answer, token_question


@logger.inject_lambda_context(clear_state=True, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> Response:
    def vend(query: dict[str, str]) -> Response:
        hub_id = hub_id_of(event)
        logger.append_keys(hub_id=hub_id)
        token = product.vendor().token(hub_id, *token_question(query), remaining_of(context))
        return json_answer(200, token_answer(token))

    return api(event, vend, product.settings().install_url)
