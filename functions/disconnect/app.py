"""DELETE /accounts/{hub_id}: the app leaves an account."""

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth import bootstrap
from hubspot_oauth.disconnect import asks_to_uninstall
from hubspot_oauth.observe import logger, metrics
from hubspot_oauth.web import Event, Response, api, hub_id_of, json_answer


@logger.inject_lambda_context(clear_state=True, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> Response:
    def leave(query: dict[str, str]) -> Response:
        hub_id, uninstall = hub_id_of(event), asks_to_uninstall(query)
        return json_answer(200, bootstrap.disconnector().disconnect(hub_id, uninstall=uninstall).body())

    return api(event, leave, bootstrap.settings().install_url)
