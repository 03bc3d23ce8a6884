"""How long each call outside may take, and what a lease must therefore cover. All in seconds."""

# One AWS call: adapters/aws.py hands these to every client.
AWS_CONNECT_SECONDS = 1
AWS_READ_SECONDS = 2
AWS_ATTEMPTS = 3
_AWS_WAITS = sum(2**attempt for attempt in range(AWS_ATTEMPTS - 1))  # botocore's standard backoff: up to 1 s, then 2 s
AWS_CALL_SECONDS = AWS_ATTEMPTS * (AWS_CONNECT_SECONDS + AWS_READ_SECONDS) + _AWS_WAITS

# A lease. Its owner calls HubSpot only while the time left covers the rest.
PREPARE_SECONDS = 4  # unseal, data key; a slower owner lets go before HubSpot is called
HUBSPOT_SECONDS = 8  # total wall time of one call to HubSpot, however slowly the answer drips
CLOCK_SKEW_SECONDS = 4  # two clocks, each up to 2 s off
LEASE_SECONDS = PREPARE_SECONDS + HUBSPOT_SECONDS + AWS_CALL_SECONDS + CLOCK_SKEW_SECONDS
# What the function itself needs from then on: HubSpot, the commit, and the rescue message if that is refused. The
# message goes out after the lease: the next owner then finds the row orphaned and does not mark it dead.
FINISH_SECONDS = HUBSPOT_SECONDS + 2 * AWS_CALL_SECONDS

RESCUE_RETENTION_SECONDS = 14 * 24 * 3600  # of the rescue queue: how long an answer may still be on its way
