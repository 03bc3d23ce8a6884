"""One account that is due for a refresh, in a world that a fault strikes and that heals afterwards.

The product runs on moto against a simulated HubSpot over HTTP; a process is one ``Stack`` with cold caches.
"""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from hubspot_oauth.adapters.api_gateway import Response
from hubspot_oauth.adapters.aws import code_of
from hubspot_oauth.domain import call_timeouts, refresh_timing
from hubspot_oauth.domain.account import Account, Status
from hubspot_oauth.domain.tokens import Tokens
from simulator import Running
from simulator.grants import Grant
from tests.faults.standing import Standing
from tests.faults.trouble import Killed, Trouble
from tests.support.lambda_events import token_event
from tests.support.simulated_hubspot import fail_refreshes, uninstall
from tests.support.stack import SCOPES, Clock, Stack, client

HUB_ID = 100001
ADMIN = 9001
LIFETIME = 1800
DUE, EXPIRED = 1500, 1900  # seconds after the install: the token still lives, and no longer
FUNCTION_SECONDS = 60
TRIES = 4
OK = 200


class World:
    """AWS, HubSpot and one process of the product. ``begin`` starts over."""

    def __init__(self, environment: dict[str, str], hubspot: Running, clock: Clock) -> None:
        self._clients: dict[str, Any] = {name: client(name) for name in ("dynamodb", "kms", "secretsmanager", "sqs")}
        self._environment = {**environment, "HUBSPOT_API_URL": hubspot.url, "HUBSPOT_APP_URL": hubspot.url}
        self.simulator = hubspot.simulator
        self.clock = clock
        self._before = ""  # the access token that the account starts with

    def begin(self, *, rotation: bool, age: float) -> None:
        """An account whose tokens are ``age`` seconds old, and a process that has just started."""
        self.trouble = Trouble()
        self.simulator.faults.clear()
        self.simulator.journal.clear()
        self.simulator.change(rotate_refresh_tokens=rotation)
        self.start_process()
        self._wipe()
        account = self.process.account(HUB_ID)
        if account is None or self._standing(account) is not Standing.FRESH:
            self.process.store(HUB_ID, self._grant(), expires_in=LIFETIME)
            account = self.account()
        self._before = self._opened(account).access_token
        self.clock.now = account.issued_at + age
        self.start_process()

    def start_process(self) -> None:
        self.process = self._process()

    def strike(self, **fault: object) -> None:
        """HubSpot's answers to a refresh go wrong like this, until the world heals."""
        fail_refreshes(self.simulator, **fault)

    def revoke(self) -> None:
        """The account really takes its grant back."""
        uninstall(self.simulator, HUB_ID)

    def revoke_and_refuse_once(self) -> None:
        """The same, and HubSpot has said so once: the next refusal marks the account."""
        self.revoke()
        self.another_process_ticks()
        self.clock.now = self.account().refresh_at or self.clock()

    def remaining(self) -> float:
        return self.ends_at - self.clock()

    def tick(self) -> None:
        """The schedule's minute; a process that dies in it is followed by another."""
        self._run(lambda: self.process.tick(self.remaining))

    def read(self, min_ttl: int | None = None) -> str:
        """What a reader gets: ``token``, the status of a problem, ``500`` for a crash, or ``killed``.

        Only what the operator must mend may crash.
        """
        answers: list[Response] = []
        event = token_event(HUB_ID, **({} if min_ttl is None else {"min_ttl": str(min_ttl)}))
        try:
            self._run(lambda: answers.append(self.process.token_route.answer(event, self.remaining)))
        except ClientError as error:
            if code_of(error) != "AccessDeniedException":
                raise
            return "500"
        if self.trouble.killed:
            return "killed"
        [answer] = answers
        if answer["statusCode"] != OK:
            return str(answer["statusCode"])
        self._take(json.loads(answer["body"])["access_token"])
        return "token"

    def another_process_ticks(self) -> None:
        """Another process does the schedule's minute, and nothing goes wrong there."""
        with self.trouble.paused():
            self._process().tick()

    def heal(self) -> None:
        self.trouble.lift()
        self.simulator.faults.clear()

    def ending(self) -> Standing:
        """How it ends once the world has healed, the rescue queue is empty and the schedule has gone on."""
        self.heal()
        self._deliver()
        first = self.standing()
        if first in (Standing.FRESH, Standing.DEAD, Standing.WRONG):
            return first
        last = self._last_standing()
        if first is Standing.LOST or last is not Standing.FRESH:
            return last
        return Standing.DUE

    def standing(self) -> Standing:
        return self._standing(self.account())

    def _standing(self, account: Account) -> Standing:
        tokens = self._opened(account)
        with self.simulator.lock:
            live = {grant.refresh_token for grant in self._grants()} - {None}
            access = self.simulator.grants.access_token(tokens.access_token)
            accepted = access is not None and self.simulator.grants.is_live(access)
        if account.status is Status.NEEDS_REINSTALL:
            return Standing.WRONG if tokens.refresh_token in live else Standing.LOST if live else Standing.DEAD
        if live and tokens.refresh_token not in live:
            return Standing.LOST
        renewed = accepted and tokens.access_token != self._before
        settled = account.lease_owner is None and (account.refresh_at or 0) > self.clock()
        return Standing.FRESH if live and renewed and settled else Standing.DUE

    def account(self) -> Account:
        return self.process.stored(HUB_ID)

    def tokens(self) -> Tokens:
        return self._opened(self.account())

    def _opened(self, account: Account) -> Tokens:
        return self.process.vault.unseal(account)

    def _process(self) -> Stack:
        def client(service: str, **_: object) -> Any:
            return self.trouble.client(self._clients, service)

        return self.trouble.between(Stack(self._environment, self.clock, client))

    def _last_standing(self) -> Standing:
        """The schedule goes on; what is still not settled then is asked again when no answer can be on its way."""
        if standing := self._tries():
            return standing
        self.clock.forward(call_timeouts.RESCUE_RETENTION_SECONDS)
        standing = self._tries()
        assert standing, f"neither fresh nor marked: {self.account()}"
        return Standing.LATE if standing is Standing.DEAD else standing

    def _tries(self) -> Standing | None:
        """Where the account stands once it is fresh or marked; None when a few tries leave it due."""
        account = self.account()
        for _ in range(TRIES):
            free_at = account.lease_until + refresh_timing.orphan_wait(account.attempts) if account.lease_until else 0
            self.clock.now = max(self.clock() + 1, account.refresh_at or 0, free_at)
            self.tick()
            account = self.account()
            standing = self._standing(account)
            if standing is Standing.FRESH or account.status is Status.NEEDS_REINSTALL:
                return standing
        return None

    def _run(self, work: Callable[[], None]) -> None:
        self.ends_at = self.clock() + FUNCTION_SECONDS
        try:
            work()
        except Killed:
            self.start_process()

    def _take(self, access_token: str) -> None:
        """A reader uses its token at once, so HubSpot must accept it."""
        with self.simulator.lock:
            access = self.simulator.grants.access_token(access_token)
            assert access
            assert self.simulator.grants.is_live(access)

    def _deliver(self) -> None:
        """What functions/rescue does, until its queue is empty."""
        for body in self.process.messages(self.process.settings.rescue_queue_url):
            self.process.rescue_consumer.store(body)

    def _wipe(self) -> None:
        """Remove what an earlier fault left behind."""
        settings = self.process.settings
        self.process.dynamodb.delete_item(TableName=settings.scratch_table, Key={"pk": {"S": "breaker"}})
        _ = list(self.process.messages(settings.rescue_queue_url))

    def _grant(self) -> Tokens:
        simulator = self.simulator
        with simulator.lock:
            client_id = simulator.settings.client_id
            grant = simulator.grants.add(Grant(client_id, HUB_ID, ADMIN, SCOPES))
            simulator.renew_refresh_token(grant)
            access = simulator.access_token(client_id, SCOPES, grant)
            assert grant.refresh_token
            return Tokens(access.value, grant.refresh_token)

    def _grants(self) -> list[Grant]:
        return self.simulator.grants.of(self.simulator.settings.client_id, HUB_ID)
