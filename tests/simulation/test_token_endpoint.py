"""The whole life of grants: two clients, two users, two processes, and a store that fails and forgets.

Not promised, and therefore not expected here:

- After a redemption whose answer was lost, the client must ask the user again: a code works once.
- A code works again if the store forgot its redemption, and nothing has proven it since.
- A revocation that was not acknowledged is forgotten with the store's last writes.
- A narrowed access token is refused if the store forgot its scope.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from shared.storage import StoreUnavailableError
from tests.auth_service.keypair import KeyPair
from tests.auth_service.protocol.builders import NOW, REDIRECT_URI, VERIFIER
from tests.simulation.event_loop import SimulatedLoop
from tests.simulation.faulty_store import Fault, Rows
from tests.simulation.holder import Holder, Token
from tests.simulation.service import Answer, Service

T = TypeVar("T")

HISTORIES = int(os.environ.get("DOORWARD_SOAK_HISTORIES", "20"))
UNAVAILABLE = 503
REMEMBERED_STATES = 4
MOST_GRANTS = 5
KEY, OTHER_KEY = KeyPair(), KeyPair()

kinds = st.sampled_from(["none"] * 6 + ["failed", "unanswered"])
faults = st.lists(st.builds(Fault, kinds, st.integers(0, 3)), max_size=8)
delays = st.lists(st.builds(Fault, st.just("none"), st.integers(1, 3)), min_size=4, max_size=8)
processes = st.integers(0, 1)
scopes = st.sampled_from([None, None, "notes:read"])


class TokenEndpointHistories(RuleBasedStateMachine):
    """Each rule is what somebody does, with the faults of the store meanwhile."""

    holders = Bundle("holders")

    def __init__(self) -> None:
        super().__init__()
        self.now = float(NOW)
        self.all: list[Holder] = []
        self.states: list[Rows] = []
        self.directory = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner(loop_factory=SimulatedLoop)
        self.service = self.run(self._started())

    def run(self, work: Coroutine[Any, Any, T], faults: list[Fault] | None = None) -> T:
        """Run something to its end, with what it began in the background."""

        async def whole() -> T:
            try:
                return await work
            finally:
                if hasattr(self, "service"):
                    await self.service.settle()
                    self.service.store.plan([])

        if faults:
            self.service.store.plan(faults)
        return self.runner.run(whole())

    async def _started(self) -> Service:
        return Service(Path(self.directory.name), lambda: self.now)

    @initialize(target=holders)
    def prepare(self) -> Any:
        """Register the clients and the users; each has connected once."""
        service = self.service
        self.clients = [self.run(service.client(each)) for each in ("none", "client_secret_basic")]
        self.clients.append(self.run(service.client("none", KEY)))
        self.sessions = [self.run(service.session(each)) for each in ("alice", "bob")]
        connected = [self.authorize_without_faults(each) for each in range(3)]
        self.states = [service.store.rows()]
        return multiple(*connected)

    def authorize_without_faults(self, number: int) -> Any:
        holder = self.authorized(number % 2, number, 0, [])
        self.redeem(holder, 1, [])
        return holder

    @precondition(lambda self: len(self.all) < MOST_GRANTS)
    @rule(target=holders, who=processes, client=st.integers(0, 2), process=processes, faults=faults)
    def authorize(self, who: int, client: int, process: int, faults: list[Fault]) -> Any:
        return self.authorized(who, client, process, faults)

    def authorized(self, who: int, client: int, process: int, faults: list[Fault]) -> Any:
        credentials = self.clients[client]
        try:
            code = self.run(self.service.code(process, credentials.client, self.sessions[who]), faults)
        except StoreUnavailableError:
            return multiple()
        handle = self.service.parts.grants.handles.read_handle(code, self.now)
        holder = Holder(credentials, code, handle.grant_id, handle.expires_at)
        self.all.append(holder)
        return holder

    @rule(holder=holders, times=st.integers(1, 3), faults=faults)
    def redeem(self, holder: Holder, times: int, faults: list[Fault]) -> None:
        first = not holder.refresh_tokens and not holder.given_up and self.now < holder.code_expires_at
        before = self.state_of(holder)
        answers = self.ask(holder, [self.redemption(holder) for _ in range(times)], faults)
        paid = [answer for answer in answers if answer.status == 200]
        assert len(paid) <= (before == "code"), "a code paid twice"
        if first and not paid:
            statuses = {answer.status for answer in answers}
            assert UNAVAILABLE in statuses or holder.ended or holder.may_end, answers
            holder.given_up |= self.state_of(holder) != "code"
        for answer in paid:
            self.receive(holder, answer)
        self.note_end(holder, answers)
        assert not (first and paid and holder.revoked), "a second callback ended the grant"

    @rule(holder=holders, scopes=st.lists(scopes, min_size=1, max_size=3), faults=faults)
    def refresh(self, holder: Holder, scopes: list[str | None], faults: list[Fault]) -> None:
        if holder.refresh_tokens:
            token = holder.refresh_tokens[-1]
            forms = [self.refreshing(token, scope) for scope in scopes]
            answers = self.ask(holder, forms, faults)
            self.check_refreshed(holder, token, answers)
            self.note_end(holder, answers)

    @rule(holder=holders, scope=scopes, faults=faults, revoked_first=st.booleans())
    def refresh_while_revoking(
        self, holder: Holder, scope: str | None, faults: list[Fault], revoked_first: bool
    ) -> None:
        if not holder.refresh_tokens:
            return
        token = holder.refresh_tokens[-1]
        forms = [self.refreshing(token, scope), {"path": "/revoke", "token": token}]
        holder.may_end = True
        answers = self.ask(holder, forms[::-1] if revoked_first else forms, faults)
        refreshed, revoked = answers[::-1] if revoked_first else answers
        self.check_refreshed(holder, token, [refreshed])
        holder.revoked |= revoked.status == 200

    @rule(holder=holders, process=processes, faults=faults)
    def revoke(self, holder: Holder, process: int, faults: list[Fault]) -> None:
        if holder.refresh_tokens:
            holder.may_end = True
            forms = [{"path": "/revoke", "token": holder.refresh_tokens[-1]}]
            holder.revoked |= self.ask(holder, forms, faults)[0].status == 200

    @rule(holder=holders, times=st.integers(1, 3), faults=faults)
    def present_stolen_refresh_token(self, holder: Holder, times: int, faults: list[Fault]) -> None:
        for _ in range(times):
            self.refresh(holder, [None], [])
        generation = self.generation_of(holder)
        stolen = [each for each in holder.refresh_tokens if self.generation(each) <= generation - 2]
        if stolen:
            holder.may_end = True
            [answer] = self.ask(holder, [self.refreshing(stolen[-1], None)], faults)
            assert answer.status != 200, "a token was used twice"
            holder.revoked |= answer.status != UNAVAILABLE

    @rule(holder=holders, process=processes, faults=faults)
    def present_to_other_client(self, holder: Holder, process: int, faults: list[Fault]) -> None:
        other = next(each for each in self.clients if each is not holder.credentials)
        form = (
            self.refreshing(holder.refresh_tokens[-1], None)
            if holder.refresh_tokens
            else self.redemption(holder)
        )
        answer = self.run(
            self.service.processes[process].request(name=other.client.client_id, secret=other.secret, **form),
            faults,
        )
        assert answer.status != 200, "another client used a token"

    @precondition(lambda self: any(each.credentials.key and each.refresh_tokens for each in self.all))
    @rule(at=processes, faults=faults, proven=st.booleans())
    def refresh_with_wrong_key(self, at: int, faults: list[Fault], proven: bool) -> None:
        """Present a bound refresh token without its key: with the proof of another, or with none."""
        holder = next(each for each in self.all if each.credentials.key and each.refresh_tokens)
        proof = self.service.processes[at].proof(OTHER_KEY, self.now) if proven else None
        token = holder.refresh_tokens[-1]
        form = {**self.refreshing(token, None), "proof": proof}
        generation, state = self.generation_of(holder), self.state_of(holder)
        [answer] = self.ask(holder, [form], faults)
        assert answer.status != 200, "a bound token was used without its key"
        # A genuine token shows that its generation was issued, also if the store has forgotten it.
        issued = {generation, max(generation, self.generation(token))} if holder.rewound else {generation}
        assert self.generation_of(holder) in issued, "a grant was changed"
        allowed = {state, *(["active"] if holder.rewound else [])}
        # A process makes a revocation again that the store has forgotten.
        allowed |= {"revoked"} if holder.revoked or holder.may_end else set()
        assert self.state_of(holder) in allowed, "a grant was ended"

    @precondition(lambda self: any(each.credentials.key and each.refresh_tokens for each in self.all))
    @rule(times=st.integers(2, 3), faults=faults)
    def replay_proof(self, times: int, faults: list[Fault]) -> None:
        """Send the same request with the same proof at once to several processes, and once more."""
        holder = next(each for each in self.all if each.credentials.key and each.refresh_tokens)
        token = holder.refresh_tokens[-1]
        form = {**self.refreshing(token, None), "proof": self.proof(holder)}
        answers = self.ask(holder, [form] * times, faults) + self.ask(holder, [form], [])
        paid = [answer for answer in answers if answer.status == 200]
        assert len(paid) <= 1, "a proof was used twice"
        self.check_refreshed(holder, token, paid)
        self.note_end(holder, answers)

    @rule(holder=holders, process=processes, faults=faults)
    def introspect(self, holder: Holder, process: int, faults: list[Fault]) -> None:
        for token in holder.access_tokens[-3:]:
            self.check(holder, token, self.run(self.service.introspect(process, token.text), faults))

    @rule(seconds=st.sampled_from([1, 11, 61, 301, 1_801]))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    @rule(steps=st.integers(1, REMEMBERED_STATES - 1))
    def forget(self, steps: int) -> None:
        """Forget the last writes, as after a failover to a replica that lags."""
        # What was forgotten never comes back.
        self.states = self.states[: max(1, len(self.states) - steps)]
        self.service.store.restore(self.states[-1])
        for holder in self.all:
            holder.rewound = True
            holder.lost |= self.state_of(holder) is None

    @rule(holder=holders)
    def revoke_and_forget(self, holder: Holder) -> None:
        """Forget a revocation alone, which is the worst case of `forget`."""
        self.revoke(holder, 0, [])
        self.forget(0)

    @precondition(lambda self: len(self.all) < MOST_GRANTS)
    @rule(target=holders, client=processes, delays=delays)
    def redeem_twice_at_once(self, client: int, delays: list[Fault]) -> Any:
        holder = self.authorized(client, client, 0, [])
        self.redeem(holder, 2, delays)
        return holder

    @invariant()
    def revoked_and_lost_grants_stay_so(self) -> None:
        if self.states:
            for holder in self.all:
                for token in holder.access_tokens[-1:] if holder.ended else []:
                    for process in range(2):
                        self.check(holder, token, self.run(self.service.introspect(process, token.text)))
            self.states = [*self.states, self.service.store.rows()][-REMEMBERED_STATES:]

    def teardown(self) -> None:
        try:
            for holder in self.all:
                self.refresh(holder, [None], [])
                assert not holder.goes_on or self.generation_of(holder) >= self.generation(
                    holder.refresh_tokens[-1]
                )
        finally:
            self.run(self.service.aclose())
            self.runner.close()
            self.directory.cleanup()

    def ask(self, holder: Holder, forms: list[dict[str, Any]], faults: list[Fault]) -> list[Answer]:
        """Send requests of the client at the same time, to the processes in turn."""
        name, secret = holder.credentials.client.client_id, holder.credentials.secret

        async def together() -> list[Answer]:
            asking = [
                self.service.processes[number % 2].request(
                    name=name, secret=secret, **{"proof": self.proof(holder), **form}
                )
                for number, form in enumerate(forms)
            ]
            return await asyncio.gather(*asking)

        return self.run(together(), faults)

    def proof(self, holder: Holder) -> str | None:
        """Return a new proof of possession, if the client's tokens are bound to a key."""
        key = holder.credentials.key
        return None if key is None else self.service.processes[0].proof(key, self.now)

    @staticmethod
    def redemption(holder: Holder) -> dict[str, Any]:
        return {
            "path": "/token",
            "grant_type": "authorization_code",
            "code": holder.code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }

    @staticmethod
    def refreshing(token: str, scope: str | None) -> dict[str, Any]:
        return {"path": "/token", "grant_type": "refresh_token", "refresh_token": token, "scope": scope}

    def check_refreshed(self, holder: Holder, token: str, answers: list[Answer]) -> None:
        """Check the answers to one refresh token, and keep what was received."""
        for answer in answers:
            if answer.status == 200:
                assert not holder.ended, "a revoked or lost grant was refreshed"
                self.receive(holder, answer)
                assert self.generation(holder.refresh_tokens[-1]) == self.generation(token) + 1
            else:
                assert answer.status == UNAVAILABLE or not holder.goes_on, f"logged out: {answer}"
        successors = {answer.body["refresh_token"] for answer in answers if answer.status == 200}
        assert len(successors) <= 1, "a refresh token has two successors"

    def receive(self, holder: Holder, answer: Answer) -> None:
        """Keep the tokens of a response."""
        body, text = answer.body, answer.body["access_token"]
        holder.refresh_tokens.append(body["refresh_token"])
        granted = frozenset(body["scope"].split())
        expires_at = self.now + body["expires_in"]
        holder.access_tokens.append(Token(text, granted, self.generation(text), expires_at))

    def check(self, holder: Holder, token: Token, answer: Answer) -> None:
        """Check what the resource server learned of an access token."""
        if answer.status == UNAVAILABLE:
            return
        assert answer.status == 200
        if answer.body["active"]:
            assert not holder.ended, "a revoked or lost grant was accepted"
            assert self.now < token.expires_at
            assert frozenset(answer.body["scope"].split()) == token.scopes, "the scope changed"
            key = holder.credentials.key
            assert answer.body.get("cnf") == (key and {"jkt": key.thumbprint}), "the key changed"
        elif self.now < token.expires_at and holder.goes_on:
            assert holder.rewound, "a good access token was refused"
            assert len(token.scopes) < 2, "only a narrowed token may be refused"

    def note_end(self, holder: Holder, answers: list[Answer]) -> None:
        """Note a revocation for a token or code that was used twice."""
        if self.state_of(holder) == "revoked" and not holder.revoked:
            holder.may_end = True
            holder.revoked = all(answer.status != UNAVAILABLE for answer in answers)

    def stored(self, holder: Holder) -> Any:
        return self.run(self.service.processes[0].parts.grants.repository._grants.get(holder.grant_id))  # noqa: SLF001

    def state_of(self, holder: Holder) -> str | None:
        stored = self.stored(holder)
        return None if stored is None else str(stored.state)

    def generation_of(self, holder: Holder) -> int:
        stored = self.stored(holder)
        return 0 if stored is None else int(stored.generation)

    def generation(self, text: str) -> int:
        handle = self.service.parts.grants.handles.read_handle(text, 0)
        return int(handle.generation)


TestTokenEndpoint = TokenEndpointHistories.TestCase
TestTokenEndpoint.settings = settings(
    max_examples=HISTORIES,
    stateful_step_count=30,
    derandomize="DOORWARD_SOAK_HISTORIES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestTokenEndpoint = pytest.mark.requirement("AS-13", "AS-18", "SEC-7")(TestTokenEndpoint)
