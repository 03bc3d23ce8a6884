"""When a token is refreshed, and how long to wait after a failed try.

Refresh times follow from HubSpot's ``expires_in``. A lifetime is assumed only for an account's first token, and only
when HubSpot does not say it.
"""

BACKOFF_FIRST_SECONDS = 5
BACKOFF_MOST_SECONDS = 300
JITTER_SHARE = 0.1
SECOND_LOOK_SECONDS = 60
SECOND_LOOK_SHARE = 0.1
HOLD_SECONDS = 3 * 3600
YOUNG_SECONDS = 60
YOUNG_SHARE = 0.1
DEFAULT_MIN_TTL_SECONDS = 60
#: The assumed lifetime: a sixth of today's, so that the token is refreshed long before it can expire.
CAUTIOUS_LIFETIME_SECONDS = 300


def margin(lifetime: float, percent: int) -> float:
    """How many seconds before its expiry a token is due at the latest."""
    return lifetime * percent / 100


def refresh_at(issued_at: int, lifetime: int, percent: int, roll: float) -> int:
    """Epoch seconds at which a token is due.

    Args:
        issued_at: Epoch seconds.
        lifetime: Seconds, HubSpot's ``expires_in``.
        percent: The margin, in percent of the lifetime.
        roll: A random number in [0, 1) that spreads the due times of accounts installed or refreshed together.
    """
    ahead = margin(lifetime, percent) + lifetime * JITTER_SHARE * roll
    return issued_at + max(0, int(lifetime - ahead))


def backoff(attempts: int, roll: float) -> float:
    """Seconds to wait after ``attempts`` failed tries in a row.

    The longest wait doubles with each try, up to ``BACKOFF_MOST_SECONDS``. ``roll`` shortens it by up to half.
    """
    step = min(BACKOFF_MOST_SECONDS, BACKOFF_FIRST_SECONDS * 2.0 ** max(0, min(attempts, 16) - 1))
    return step * (0.5 + roll / 2)


def second_look(lifetime: float) -> float:
    """Seconds from a grant's first refusal to the second try, which rules out a hiccup of HubSpot's."""
    return min(SECOND_LOOK_SECONDS, lifetime * SECOND_LOOK_SHARE)


def recheck(lifetime: float, age: float) -> float:
    """Seconds from marking an account dead, or confirming the mark, to its next try.

    ``age`` is the number of seconds since the first refusal. The wait is at least two token lifetimes. Later it
    equals ``age``, so each try comes at twice the age of the one before, and a year has few.
    """
    return max(2 * lifetime, age)


def orphan_wait(attempts: int) -> float:
    """Seconds after the end of an orphaned lease before a worker may take it over.

    The first orphaned lease is taken over at once. A row whose refresh keeps crashing waits longer each time.
    """
    if attempts <= 1:
        return 0
    return min(BACKOFF_MOST_SECONDS, BACKOFF_FIRST_SECONDS * 2.0 ** min(attempts, 16))


def young(age: float, lifetime: float) -> bool:
    """Whether a token is too young (``age`` in seconds) to be replaced when a caller reports it as rejected."""
    return age < min(YOUNG_SECONDS, lifetime * YOUNG_SHARE)
