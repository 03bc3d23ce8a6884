"""The ways in which a fault can end for an account."""

from enum import StrEnum


class Standing(StrEnum):
    """Where the account stands, as HubSpot and the table together know it."""

    FRESH = "fresh"  # new tokens are stored; HubSpot takes both of them
    DUE = "due"  # nothing is lost, and the schedule will try again
    DEAD = "dead"  # marked, and HubSpot has no live grant
    LATE = "late"  # the same, but it took until no lease owner's answer could still be on its way
    LOST = "LOST"  # HubSpot has a live grant that the stored refresh token does not open
    WRONG = "WRONGLY DEAD"  # marked, though the stored refresh token would work
