"""Time limits of the calls to AWS and HubSpot, and the lease length that follows from them. All in seconds."""

# adapters/aws.py configures every AWS client with these.
AWS_CONNECT_SECONDS = 1
AWS_READ_SECONDS = 2
AWS_ATTEMPTS = 3
_AWS_WAITS = sum(2**attempt for attempt in range(AWS_ATTEMPTS - 1))  # botocore's standard backoff: up to 1 s, then 2 s
AWS_CALL_SECONDS = AWS_ATTEMPTS * (AWS_CONNECT_SECONDS + AWS_READ_SECONDS) + _AWS_WAITS

# The lease owner calls HubSpot only if it was ready within PREPARE_SECONDS; the rest of the lease covers the
# call and the commit.
PREPARE_SECONDS = 4  # unseal, data key, client secret; a slower lease owner lets go without calling HubSpot
BEST_EFFORT_SECONDS = 3  # for a call to HubSpot whose answer an install can do without
HUBSPOT_SECONDS = 8  # total wall time of one call to HubSpot; adapters/call_deadline.py ends it
CLOCK_SKEW_SECONDS = 4  # two clocks, each up to 2 s off
LEASE_SECONDS = PREPARE_SECONDS + HUBSPOT_SECONDS + AWS_CALL_SECONDS + CLOCK_SKEW_SECONDS
# The function needs this much time once it is ready: the HubSpot call, the commit, and the rescue message if DynamoDB
# refuses the commit. The rescue message may be sent after the lease has run out; the next lease owner then finds an
# orphaned lease and does not mark the account dead.
FINISH_SECONDS = HUBSPOT_SECONDS + 2 * AWS_CALL_SECONDS

RESCUE_RETENTION_SECONDS = 14 * 24 * 3600  # the rescue queue keeps tokens this long
