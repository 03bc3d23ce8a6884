"""From the refresh queue: refresh the accounts a message names. Nothing comes back: what is not done stays due."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth import bootstrap
from hubspot_oauth.observe import logger, metrics
from hubspot_oauth.web import Event, remaining_of


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> None:
    bootstrap.worker().run((record["body"] for record in event["Records"]), remaining_of(context))
