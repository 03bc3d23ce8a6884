"""The situations that are searched: who acts, and what may go wrong meanwhile, in every order.

Together they are the bound of the proof: never more than three who refresh or write at once, two crashes, two refusals.
"""

from dataclasses import replace
from typing import Final

from hubspot_oauth.domain.call_timeouts import AWS_CALL_SECONDS, HUBSPOT_SECONDS, PREPARE_SECONDS
from tests.model.actors import Kind
from tests.model.table import Table
from tests.model.world import FOURTEEN_DAYS, Left, World, moves

_Start = tuple[Kind, str | None]
SCHEDULE: Final[_Start] = ("schedule", None)
READER: Final[_Start] = ("reader", None)
DISCONNECT: Final[_Start] = ("disconnect", None)
REVIVE: Final[_Start] = ("revive", None)
INSTALL: Final[_Start] = ("install", None)
INSTALL_BY_LINK: Final[_Start] = ("install", "customer")
OTHERS_INSTALL: Final[_Start] = ("install", "another customer")
LEASE: Final = PREPARE_SECONDS + HUBSPOT_SECONDS + AWS_CALL_SECONDS  # a lease ends for those whose clocks are fast
EDGE: Final = (LEASE - 4, 4)  # short of that, and then on it
BACK_OFF: Final = 400  # longer than any wait after a try that came to nothing

SCENARIOS: Final = {  # the small ones first
    "two re-installs": Left(starts=(INSTALL, INSTALL), pauses=(LEASE,)),
    "two re-installs by link": Left(starts=(INSTALL_BY_LINK, INSTALL_BY_LINK), pauses=(LEASE,)),
    "another customer's install": Left(starts=(OTHERS_INSTALL, SCHEDULE), pauses=(LEASE,)),
    "a link that comes late": Left(starts=(INSTALL_BY_LINK, INSTALL, DISCONNECT)),
    "two links that come late": Left(starts=(INSTALL_BY_LINK, OTHERS_INSTALL, INSTALL)),
    "a grant that dies": Left(starts=(SCHEDULE, READER), uninstalls=1, pauses=(LEASE,)),
    "marks undone while answers are late": Left(starts=(SCHEDULE, SCHEDULE, REVIVE), crashes=1, pauses=(LEASE,)),
    "a re-install": Left(starts=(SCHEDULE, INSTALL), refusals=1, crashes=1, pauses=(LEASE,)),
    "the edge of a lease": Left(starts=(SCHEDULE, SCHEDULE), crashes=2, pauses=(*EDGE, BACK_OFF)),
    "refused commits, rescues late and twice": Left(starts=(SCHEDULE, SCHEDULE), refusals=2, pauses=(LEASE, BACK_OFF)),
    "writes whose answers are lost": Left(starts=(SCHEDULE, READER), repeats=2, lost_answers=1, pauses=(LEASE,)),
    "two disconnects": Left(starts=(DISCONNECT, DISCONNECT, SCHEDULE), refusals=1),
    "a disconnect while marks are undone": Left(starts=(SCHEDULE, DISCONNECT, REVIVE), uninstalls=1, refusals=1),
    "fourteen days": Left(starts=(SCHEDULE, SCHEDULE, SCHEDULE), crashes=1, refusals=1, pauses=(LEASE, FOURTEEN_DAYS)),
    "a disconnect": Left(starts=(SCHEDULE, DISCONNECT, INSTALL), refusals=1, crashes=1),
    "readers after a crash": Left(starts=(SCHEDULE, READER, READER), crashes=1, pauses=(LEASE,)),
    "a rescue among three": Left(starts=(SCHEDULE, READER, SCHEDULE), refusals=1, pauses=(LEASE,)),
    "a re-install among lease owners": Left(starts=(SCHEDULE, READER, INSTALL)),
    "three lease owners": Left(starts=(SCHEDULE, SCHEDULE, READER), crashes=1, pauses=(LEASE,)),
}


#: The scenarios that begin with an account that is linked to no customer yet.
UNLINKED: Final = ("a link that comes late", "two links that come late")


def begin(name: str, table: Table, *, rotation: bool = True) -> World:
    """A world in which one account is installed and due, and everything that the scenario allows may happen."""
    first = INSTALL if name in UNLINKED else INSTALL_BY_LINK
    world = World(None, 1_000_000, Left(starts=(first,)), rotation=rotation)
    while following := next(moves(world, table), None):
        world = following.after
    return replace(world, now=world.now + 1500, left=SCENARIOS[name])
