"""Keeping what HubSpot has just issued: in the table, else in the rescue queue, by turns while there is time.

From HubSpot's answer to the return of ``keep`` the new tokens exist in this process alone. If it dies there, or if
DynamoDB and SQS both refuse to the end, a refresh token that HubSpot rotated is lost: the stated limits 2 and 3.
"""

import time
from collections.abc import Callable

from hubspot_oauth.adapters.accounts_table import Accounts, Renewal
from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of
from hubspot_oauth.adapters.rescue_queue import RescueQueue
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.domain.timing import AWS_CALL_SECONDS

_PAUSE_SECONDS = 1.0


class Keeper:
    """Stores renewals.

    Args:
        sleep: How to wait before tokens that nobody took are offered again.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        rescue: RescueQueue,
        report: Report,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._accounts = accounts
        self._rescue = rescue
        self._report = report
        self._sleep = sleep

    def keep(self, renewal: Renewal, remaining: Callable[[], float]) -> bool:
        """Store the renewal, or send it to the rescue queue; False only when the row has moved on.

        When nobody takes it to the end, whoever waits for the token gets it all the same, and the row is due again
        once its lease has run out.

        Args:
            renewal: What HubSpot has just issued, sealed.
            remaining: Seconds the function may still run.
        """
        while True:
            try:
                return self._accounts.commit(renewal)
            except AWS_ERRORS as error:
                if self._rescued(renewal, error):
                    return True
            if remaining() < 2 * AWS_CALL_SECONDS + _PAUSE_SECONDS:
                self._report("Unstored", hub_id=renewal.hub_id)
                return True
            self._sleep(_PAUSE_SECONDS)

    def _rescued(self, renewal: Renewal, cause: Exception) -> bool:
        try:
            self._rescue.put(renewal)
        except AWS_ERRORS:
            return False
        self._report("RescueMessages", hub_id=renewal.hub_id, cause=code_of(cause))
        return True
