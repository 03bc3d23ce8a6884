"""Every minute: queue the accounts whose tokens are due."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth.adapters.api_gateway import Event, remaining_of
from hubspot_oauth.adapters.telemetry import logger, metrics
from hubspot_oauth.product import deployed


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> dict[str, int]:
    logger.set_correlation_id(context.aws_request_id)  # the workers log the same id
    return {"queued": deployed().dispatcher.tick(remaining_of(context))}
