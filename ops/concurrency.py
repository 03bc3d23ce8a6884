"""Checks whether an AWS account has room to reserve concurrency for the functions that anyone can call.

A reservation is also a limit. Without one, a flood of anonymous requests could take all of an AWS account's concurrent
executions in its region, and the token route, the dispatcher and the workers would be throttled.
"""

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ops.template import Template

#: Lambda refuses a reservation that leaves fewer executions unreserved. New AWS accounts have a quota of 10 in all, so
#: they can reserve nothing. Source: Lambda's developer guide, "Configuring reserved concurrency".
LEAST_UNRESERVED = 100
_ANONYMOUS_FUNCTIONS = 2  # install and callback


def room_fault(session: boto3.Session, template: Template) -> str | None:
    """Why Lambda would refuse the template's default for ``AnonymousConcurrency``, or None.

    It is also None if Lambda cannot be asked, since a deploy role need not be allowed to.
    """
    wanted = _ANONYMOUS_FUNCTIONS * int(template["Parameters"]["AnonymousConcurrency"]["Default"])
    try:
        limit = session.client("lambda").get_account_settings()["AccountLimit"]
    except (BotoCoreError, ClientError):
        return None
    unreserved, quota = limit["UnreservedConcurrentExecutions"], limit["ConcurrentExecutions"]
    if unreserved - wanted >= LEAST_UNRESERVED:
        return None
    return (
        f"Lambda allows this AWS account {quota} concurrent executions in {session.region_name}, {unreserved} of them"
        f" unreserved; reserving {wanted} would leave fewer than {LEAST_UNRESERVED}"
    )
