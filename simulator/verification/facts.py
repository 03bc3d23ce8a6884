"""The list of facts about HubSpot that the simulator and the product are built on.

Tags: D documented by HubSpot, O observed by others against the live service, A assumed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import requests

from simulator.verification.client import HubSpot
from simulator.verification.findings import Finding, NotTested, Verdict

Check = Callable[[HubSpot], Finding]


@dataclass(frozen=True, slots=True)
class Fact:
    """`sentence` can be read without the code; `check` finds out whether it is true."""

    name: str
    tag: str
    sentence: str
    check: Check

    def find_out(self, hubspot: HubSpot) -> Finding:
        """Run the check. The fact stays untested if the check lacks something or HubSpot cannot be reached."""
        try:
            return self.check(hubspot)
        except NotTested as reason:
            return Finding(Verdict.NOT_TESTED, str(reason))
        except requests.RequestException as error:
            return Finding(Verdict.NOT_TESTED, f"no answer: {type(error).__name__}")


FACTS: list[Fact] = []


def fact(name: str, tag: str, sentence: str) -> Callable[[Check], Check]:
    """Add the decorated check to FACTS."""

    def listed(check: Check) -> Check:
        FACTS.append(Fact(name, tag, sentence, check))
        return check

    return listed
