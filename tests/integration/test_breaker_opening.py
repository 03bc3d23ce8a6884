"""A success of another thread between the death that is too many and the opening of the breaker."""

from hubspot_oauth.breaker import DEATHS_LEAST, Breaker
from tests.stack import Clock, Stack


class Interrupted(Breaker):
    """A breaker that is overtaken by another holder's success right before it opens."""

    overtaken_by: Breaker

    def _open(self, reason, sent_at):
        self.overtaken_by.succeeded(sent_at)
        self.overtaken_by.bring_in_successes()
        super()._open(reason, sent_at)


def test_a_breaker_whose_run_of_deaths_ended_as_it_opened_can_be_closed(stack: Stack, clock: Clock) -> None:
    breaker = Interrupted(stack.dynamodb, stack.settings.scratch_table, stack.reports, clock)
    breaker.overtaken_by = Breaker(stack.dynamodb, stack.settings.scratch_table, stack.reports, clock)
    for _ in range(DEATHS_LEAST):
        breaker.death(int(clock()))
    assert breaker.state().open == "deaths"

    clock.forward(60)
    breaker.succeeded(int(clock()))
    breaker.bring_in_successes()

    assert breaker.state().open is None
