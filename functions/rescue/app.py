"""Store the rescue queue's tokens, which could not be stored when HubSpot issued them."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth.adapters.telemetry import logger, metrics
from hubspot_oauth.product import deployed

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event=event, record_handler=_store, processor=processor, context=context)


def _store(record: SQSRecord) -> None:
    deployed().rescue_consumer.store(record.body)
