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
RECHECK: Final[_Start] = ("recheck", None)
INSTALL: Final[_Start] = ("install", None)
INSTALL_BY_LINK: Final[_Start] = ("install", "customer")
OTHERS_INSTALL: Final[_Start] = ("install", "another customer")
ADOPT: Final[_Start] = ("adopt", "customer")
OTHERS_ADOPT: Final[_Start] = ("adopt", "another customer")
LEASE: Final = PREPARE_SECONDS + HUBSPOT_SECONDS + AWS_CALL_SECONDS  # a lease ends for those whose clocks are fast
EDGE: Final = (LEASE - 4, 4)  # short of that, and then on it
TWICE: Final = (SCHEDULE, SCHEDULE)
A_MINUTE: Final = 65  # past the second look, by any clock
TWO_LIVES: Final = 3700  # past the first recheck of a marked account
BACK_OFF: Final = 400  # longer than any wait after a try that came to nothing

SCENARIOS: Final = {  # the small ones first
    "two re-installs": Left(starts=(INSTALL, INSTALL), pauses=(LEASE,)),
    "two re-installs by link": Left(starts=(INSTALL_BY_LINK, INSTALL_BY_LINK), pauses=(LEASE,)),
    "another customer's install": Left(starts=(OTHERS_INSTALL, SCHEDULE), pauses=(LEASE,)),
    "a link that comes late": Left(starts=(INSTALL_BY_LINK, INSTALL, DISCONNECT)),
    "two links that come late": Left(starts=(INSTALL_BY_LINK, OTHERS_INSTALL, INSTALL)),
    "an adoption": Left(starts=(ADOPT, DISCONNECT, INSTALL)),
    "an adoption while a refresh is under way": Left(starts=(SCHEDULE, ADOPT), refusals=1),
    "adoptions of a dead account": Left(starts=(SCHEDULE, ADOPT, OTHERS_ADOPT), pauses=(A_MINUTE,)),
    "a grant that dies": Left(starts=(SCHEDULE, READER, SCHEDULE), uninstalls=1, pauses=(A_MINUTE,)),
    "marks rechecked while answers are late": Left(starts=(*TWICE, RECHECK), hiccups=1, crashes=1, pauses=(A_MINUTE,)),
    "a hiccup that goes on": Left(starts=(*TWICE, RECHECK), proofs=1, pauses=(TWO_LIVES,)),
    "a hiccup that many see": Left(starts=(SCHEDULE, READER), proofs=1, pauses=(A_MINUTE,)),
    "a final mark": Left(starts=(*TWICE, RECHECK), proofs=1, pauses=(TWO_LIVES,)),
    "a re-install before a final mark": Left(starts=(*TWICE, INSTALL), proofs=1, pauses=(TWO_LIVES,)),
    "a re-install": Left(starts=(SCHEDULE, INSTALL), refusals=1, crashes=1, pauses=(LEASE,)),
    "the edge of a lease": Left(starts=(SCHEDULE, SCHEDULE), crashes=2, pauses=(*EDGE, BACK_OFF)),
    "refused commits, rescues late and twice": Left(starts=(SCHEDULE, SCHEDULE), refusals=2, pauses=(LEASE, BACK_OFF)),
    "writes whose answers are lost": Left(starts=(SCHEDULE, READER), repeats=2, lost_answers=1, pauses=(LEASE,)),
    "two disconnects": Left(starts=(DISCONNECT, DISCONNECT, SCHEDULE), refusals=1),
    "a disconnect while marks are rechecked": Left(starts=(SCHEDULE, DISCONNECT, RECHECK), refusals=1),
    "fourteen days": Left(starts=(SCHEDULE, SCHEDULE, SCHEDULE), crashes=1, refusals=1, pauses=(LEASE, FOURTEEN_DAYS)),
    "a disconnect": Left(starts=(SCHEDULE, DISCONNECT, INSTALL), refusals=1, crashes=1),
    "readers after a crash": Left(starts=(SCHEDULE, READER, READER), crashes=1, pauses=(LEASE,)),
    "a rescue among three": Left(starts=(SCHEDULE, READER, SCHEDULE), refusals=1, pauses=(LEASE,)),
    "a re-install among lease owners": Left(starts=(SCHEDULE, READER, INSTALL)),
    "three lease owners": Left(starts=(SCHEDULE, SCHEDULE, READER), crashes=1, pauses=(LEASE,)),
}


#: The scenarios in which many other accounts are refused as well.
CROWDED: Final = ("a hiccup that many see",)
#: The scenarios that begin with an account that is linked to no customer yet.
UNLINKED: Final = ("a link that comes late", "two links that come late")
#: The scenarios that begin a minute after the first refusal: HubSpot refuses every token, or the app was uninstalled.
REFUSED_IN_A_HICCUP: Final = ("a hiccup that goes on", "a hiccup that many see")
REFUSED_AFTER_UNINSTALL: Final = (
    "a final mark",
    "a re-install before a final mark",
    "a disconnect while marks are rechecked",
    "adoptions of a dead account",
)


def begin(name: str, table: Table, *, rotation: bool = True) -> World:
    """A world in which one account is installed and due, and everything that the scenario allows may happen."""
    world = World(None, 1_000_000, Left(), rotation=rotation)
    world = _done(world, INSTALL if name in UNLINKED else INSTALL_BY_LINK, table)
    world = replace(world, now=world.now + 1500, crowd=name in CROWDED)
    if name in REFUSED_IN_A_HICCUP:
        world = replace(world, hiccup=True, erred=True, proved_at=world.now)  # the last success of another account
    elif name in REFUSED_AFTER_UNINSTALL:
        world = replace(world, grants=tuple(replace(grant, alive=False) for grant in world.grants))
    if name in REFUSED_IN_A_HICCUP + REFUSED_AFTER_UNINSTALL:
        world = _done(world, SCHEDULE, table)
        world = replace(world, now=world.now + A_MINUTE)
    return replace(world, left=SCENARIOS[name])


def _done(world: World, start: _Start, table: Table) -> World:
    """The world after one has acted undisturbed."""
    world = replace(world, left=Left(starts=(start,)))
    while world.left.starts or world.actors:
        world = next(moves(world, table)).after
    return world
