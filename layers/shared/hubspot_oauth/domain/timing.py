"""When a token is refreshed, how long a try may take, and how long to wait after a failed one.

Nothing here is a fixed number of minutes: HubSpot's ``expires_in`` is obeyed, whatever it says.
"""

# What one AWS call may take at the most, in seconds: bootstrap.py hands these to every client.
AWS_CONNECT_SECONDS = 1
AWS_READ_SECONDS = 2
AWS_ATTEMPTS = 3
_AWS_WAITS = sum(2**attempt for attempt in range(AWS_ATTEMPTS - 1))  # botocore's standard backoff: up to 1 s, then 2 s
AWS_CALL_SECONDS = AWS_ATTEMPTS * (AWS_CONNECT_SECONDS + AWS_READ_SECONDS) + _AWS_WAITS

# What a lease must cover. The holder calls HubSpot only while the time left covers the rest.
PREPARE_SECONDS = 4  # unseal, data key; a slower holder lets go before HubSpot is called
HUBSPOT_SECONDS = 8  # total wall time of one call to HubSpot, however slowly the answer drips
CLOCK_SKEW_SECONDS = 4  # two clocks, each up to 2 s off
LEASE_SECONDS = PREPARE_SECONDS + HUBSPOT_SECONDS + AWS_CALL_SECONDS + CLOCK_SKEW_SECONDS
# What the function itself needs from then on: HubSpot, the commit, and the rescue message if that is refused. The
# message goes out after the lease: whoever takes the row over meanwhile finds it unclean and marks nobody dead.
FINISH_SECONDS = HUBSPOT_SECONDS + 2 * AWS_CALL_SECONDS

BACKOFF_FIRST_SECONDS = 5
BACKOFF_MOST_SECONDS = 300
RESCUE_RETENTION_SECONDS = 14 * 24 * 3600  # of the rescue queue: as long as an answer may still arrive
JITTER_SHARE = 0.1
YOUNG_SECONDS = 60
YOUNG_SHARE = 0.1
DEFAULT_MIN_TTL_SECONDS = 60


def margin(lifetime: float, percent: int) -> float:
    """How long before expiry a token is due: ``percent`` of its lifetime, in seconds."""
    return lifetime * percent / 100


def refresh_at(issued_at: int, lifetime: int, percent: int, roll: float) -> int:
    """The time a token issued at ``issued_at`` is due.

    Args:
        issued_at: Epoch seconds.
        lifetime: Seconds, HubSpot's ``expires_in``.
        percent: The margin's share of the lifetime.
        roll: A random number in [0, 1) that spreads accounts installed or refreshed together.
    """
    ahead = margin(lifetime, percent) + lifetime * JITTER_SHARE * roll
    return issued_at + max(0, int(lifetime - ahead))


def backoff(attempts: int, roll: float) -> float:
    """Seconds to wait after ``attempts`` tries in a row came to nothing, between half and the whole step."""
    step = min(BACKOFF_MOST_SECONDS, BACKOFF_FIRST_SECONDS * 2.0 ** max(0, min(attempts, 16) - 1))
    return step * (0.5 + roll / 2)


def orphan_wait(attempts: int) -> float:
    """Seconds the schedule leaves a row alone after a lease that was never released ran out.

    The first holder that vanishes costs nothing more than its lease; a row that keeps killing its holder waits longer
    each time.
    """
    if attempts <= 1:
        return 0
    return min(BACKOFF_MOST_SECONDS, BACKOFF_FIRST_SECONDS * 2.0 ** min(attempts, 16))


def recent(since: float, now: float, seconds: float) -> bool:
    """Whether less than ``seconds`` have passed by the wall clock; a moment that lies ahead is not believed.

    What a container remembers is aged by the wall clock: its monotonic clock may stand still while it is frozen.
    """
    return 0 <= now - since < seconds


def young(age: float, lifetime: float) -> bool:
    """Whether a token is too fresh to be refreshed on request."""
    return age < min(YOUNG_SECONDS, lifetime * YOUNG_SHARE)
