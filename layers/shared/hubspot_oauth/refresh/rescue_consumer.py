"""Consumes the rescue queue: stores tokens that DynamoDB refused when HubSpot issued them."""

from dataclasses import dataclass

from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.aws import AWS_ERRORS
from hubspot_oauth.adapters.rescue_queue import from_message
from hubspot_oauth.adapters.telemetry import Report, logger


@dataclass(kw_only=True)
class RescueConsumer:
    """Commits rescued renewals under the same condition as the first try."""

    accounts: AccountsTable
    report: Report

    def store(self, body: str) -> None:
        """Store the renewal of one message, unless its row has moved on.

        Raises:
            Exception: DynamoDB refuses again, so SQS delivers the message again.
        """
        renewal = from_message(body)
        logger.append_keys(hub_id=renewal.key.hub_id)
        try:
            stored = self.accounts.commit(renewal)
        except AWS_ERRORS:
            logger.exception("rescued tokens could not be stored; the message comes again")
            raise
        self.report("Rescued", hub_id=renewal.key.hub_id, stored=stored)
