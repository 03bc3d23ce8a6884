"""Refresh the accounts that the refresh queue's messages name.

The function reports no failed messages, because an account that was not refreshed stays due.
"""

from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth.adapters.api_gateway import Event, remaining_of
from hubspot_oauth.adapters.telemetry import logger, metrics
from hubspot_oauth.product import deployed


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> None:
    deployed().worker.run((record["body"] for record in event["Records"]), remaining_of(context))
