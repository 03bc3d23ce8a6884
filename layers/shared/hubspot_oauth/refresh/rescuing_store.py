"""Stores new tokens in the table, else in the rescue queue, and tries both in turn while there is time.

Between HubSpot's answer and the return of ``store`` only this process has the new tokens. If it dies then, or if
DynamoDB and SQS refuse until the time is up, a rotated refresh token is lost (stated limits 2 and 3 in
docs/architecture.md).
"""

from dataclasses import dataclass

from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of
from hubspot_oauth.adapters.rescue_queue import RescueQueue
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.domain.account import Renewal
from hubspot_oauth.domain.call_timeouts import AWS_CALL_SECONDS
from hubspot_oauth.domain.clocks import Remaining, Sleep

_PAUSE_SECONDS = 1.0


@dataclass(kw_only=True)
class RescuingStore:
    accounts: AccountsTable
    rescue_queue: RescueQueue
    report: Report
    sleep: Sleep

    def store(self, renewal: Renewal, remaining: Remaining) -> bool:
        """Store the renewal or send it to the rescue queue; return False only when the row has moved on.

        If both refuse until the time is up, the result is True all the same, so that a waiting caller gets its token.
        The row keeps its old tokens, and can be leased again when its lease has run out.

        Args:
            renewal: The new tokens, sealed.
            remaining: Seconds the function may still run.
        """
        while True:
            try:
                return self.accounts.commit(renewal)
            except AWS_ERRORS as error:
                if self._rescued(renewal, error):
                    return True
            if remaining() < 2 * AWS_CALL_SECONDS + _PAUSE_SECONDS:
                self.report("Unstored", hub_id=renewal.key.hub_id)
                return True
            self.sleep(_PAUSE_SECONDS)

    def _rescued(self, renewal: Renewal, cause: Exception) -> bool:
        try:
            self.rescue_queue.put(renewal)
        except AWS_ERRORS:
            return False
        self.report("RescueMessages", hub_id=renewal.key.hub_id, cause=code_of(cause))
        return True
