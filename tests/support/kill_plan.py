"""What a run of random kills is asked to do, and what it came to."""

import statistics
from collections import Counter
from dataclasses import dataclass, field

from hubspot_oauth.domain.account import Account


@dataclass(frozen=True, slots=True)
class Plan:
    """How many accounts, for how many seconds, with which random seed.

    Attributes:
        kill_every: Mean seconds between two kills.
        hubspot_latency: Seconds that HubSpot takes for each call.
        aimed: In a short run most kills would hit a worker that is only starting. With this, every other kill waits
            for a refresh that is under way, and takes all workers.
        waves: A run whose kills hit too little is repeated with as many more accounts, up to this many times in all.
    """

    accounts: int
    seconds: float
    seed: int
    kill_every: float = 1.5
    hubspot_latency: float = 0.25
    aimed: bool = False
    waves: int = 1


@dataclass
class Run:
    """What a run came to.

    Attributes:
        stale: Rows that are not fresh a token's lifetime after the last kill; none, if all goes well.
        never_served: Accounts whose readers were refused and got no live token since.
        unaccepted: Accounts whose stored token HubSpot does not take.
        answers: Refreshes that HubSpot answered, by hub_id.
        answers_lost: Answers that were not stored: the process died, or another was first.
        kills: Moments at which one worker or all were killed.
        seconds: From the first account stored to the last look.
        looked_at: When the rows were read, as epoch seconds.
        settled_after: Seconds from the last kill of a wave until all were fresh; the longest wave counts.
        orphaned: Lease owners that died before they let go.
        orphaned_again: Leases orphaned on an account that had been orphaned before.
        gaps: Seconds from a reader's first refusal to its next live token.
    """

    plan: Plan
    hub_ids: list[int] = field(default_factory=list)
    rows: list[Account] = field(default_factory=list)
    stale: list[Account] = field(default_factory=list)
    never_served: list[int] = field(default_factory=list)
    unaccepted: list[int] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    answers_lost: int = 0
    kills: int = 0
    seconds: float = 0
    looked_at: float = 0
    settled_after: float = 0
    orphaned: set[str] = field(default_factory=set)
    orphaned_again: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)

    @property
    def refreshes(self) -> int:
        return sum(row.version - 1 for row in self.rows)

    @property
    def hit(self) -> bool:
        """Whether enough workers were killed, and some of them in the middle of a refresh."""
        enough = self.kills > self.plan.seconds / self.plan.kill_every / 3
        return enough and bool(self.orphaned) and self.answers_lost > 0

    @property
    def longest_gap(self) -> float:
        return max(self.gaps, default=0.0)

    def summary(self) -> str:
        cuts = statistics.quantiles(self.latencies, n=100)
        lines = {
            "seed": self.plan.seed,
            "accounts": len(self.rows),
            "seconds": f"{self.seconds:.0f}",
            "kills": self.kills,
            "refreshes stored": self.refreshes,
            "answers of HubSpot that died with a worker": self.answers_lost,
            "leases orphaned": len(self.orphaned),
            "of these on an account orphaned before": self.orphaned_again,
            "all fresh after the last kill": f"{self.settled_after:.1f} s",
            "reads": self.statuses.total(),
            "reads without a live token": self.statuses.total() - self.statuses[200],
            "longest gap of a reader": f"{self.longest_gap:.1f} s",
            "reader latency p50 / p99": f"{cuts[49] * 1000:.0f} / {cuts[98] * 1000:.0f} ms",
        }
        return "\n".join(f"{name:<44}{value:>10}" for name, value in lines.items())
