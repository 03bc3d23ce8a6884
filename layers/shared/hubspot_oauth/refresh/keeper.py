"""Keeping what HubSpot has just issued: in the table, else in the rescue queue, by turns while there is time.

From HubSpot's answer to the return of ``keep`` the new tokens exist in this process alone. If it dies there, or if
DynamoDB and SQS both refuse to the end, a refresh token that HubSpot rotated is lost: the stated limits 2 and 3.
"""

from dataclasses import dataclass

from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of
from hubspot_oauth.adapters.rescue_queue import RescueQueue
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.domain.account import Renewal
from hubspot_oauth.domain.deadlines import AWS_CALL_SECONDS
from hubspot_oauth.domain.timing import Remaining, Sleep

_PAUSE_SECONDS = 1.0


@dataclass(kw_only=True)
class Keeper:
    """Stores renewals."""

    accounts: AccountsTable
    rescue_queue: RescueQueue
    report: Report
    sleep: Sleep

    def keep(self, renewal: Renewal, remaining: Remaining) -> bool:
        """Store the renewal, or send it to the rescue queue; False only when the row has moved on.

        When both refuse to the end, the caller that waits for the token gets it all the same, and the row is due again
        once its lease has run out.

        Args:
            renewal: What HubSpot has just issued, sealed.
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
