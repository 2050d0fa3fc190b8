"""Long random histories of one grant, over every rule, and what must be true after each of their steps.

The histories are the clients' and the thief's: anyone who holds a token that was ever issued may present it,
at any time, as anybody.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from auth_service.protocol.errors import OAuthError
from auth_service.protocol.grant import (
    Grant,
    is_live_access,
    is_live_refresh,
    redeem,
    refresh,
    revoke,
    revoke_by_client,
)
from auth_service.protocol.lost_answers import confirm
from shared.storage.json_codec import JsonCodec
from tests.auth_service.protocol.builders import LIFETIMES, NOW, code_grant, redemption, refreshing

GRANTED = {"a", "b", "c"}
HISTORIES, STEPS = 400, 60
CLIENTS = ("client-1", "client-1", "client-1", "client-2")
SCOPES = (None, None, "a", "a b", "b c", "a b c", "a d", "d", "a\tb")
PAUSES_S = (0, 0, 1, 5, 30, 60, 61, 300, 601, 9_999)


@dataclass
class Issued:
    """An answer that was given: its generation, when, and the scope of its access token."""

    generation: int
    at: int
    scopes: frozenset[str]
    expires_at: int


@dataclass
class History:
    """One grant, and everything that was ever issued under it."""

    chance: random.Random
    grant: Grant = field(default_factory=code_grant)
    now: int = NOW
    issued: list[Issued] = field(default_factory=list)
    ended: bool = False
    lost: int = 0

    def step(self) -> None:
        self.now += self.chance.choice(PAUSES_S)
        redeem = 5 if self.grant.state == "code" else 0.05
        operations = (self.redeem, self.refresh, self.confirm, self.revoke, self.revoke_by_client)
        self.chance.choices(operations, (redeem, 10, 3, 0.05, 0.2))[0]()
        self.check()

    def redeem(self) -> None:
        presented = redemption(client_id=self.chance.choice(CLIENTS))
        self.apply(*redeem(self.grant, presented, LIFETIMES, self.now))

    def refresh(self) -> None:
        generation = self.grant.generation - self.chance.choices((0, 1, 2, 3), (30, 4, 0.3, 0.2))[0]
        presented = refreshing(
            generation, client_id=self.chance.choice(CLIENTS), scope=self.chance.choice(SCOPES)
        )
        self.apply(*refresh(self.grant, presented, LIFETIMES, self.now))

    def confirm(self) -> None:
        generation = self.grant.generation - self.chance.choice((0, 0, 1))
        self.write(confirm(self.grant, generation)[0])

    def revoke(self) -> None:
        self.write(revoke(self.grant)[0])

    def revoke_by_client(self) -> None:
        self.write(revoke_by_client(self.grant, self.chance.choice(CLIENTS))[0])

    def apply(self, document: Grant | None, result: Grant | OAuthError) -> None:
        self.write(document)
        if isinstance(result, Grant):
            assert result == self.grant, "tokens are minted from what is written, or from nothing"
            self.note(result)

    def write(self, document: Grant | None) -> None:
        if document is None:
            return
        assert not self.ended, "a revoked grant is never written again"
        assert document.generation in (self.grant.generation, self.grant.generation + 1)
        self.grant, self.ended = document, document.state == "revoked"

    def note(self, grant: Grant) -> None:
        scopes = frozenset(grant.scopes_of(grant.generation))
        again = [one for one in self.issued if one.generation == grant.generation]
        new = Issued(grant.generation, grant.issued_at, scopes, grant.access_expires_at)
        # One successor: a refresh within the window gets the very same answer. After that it is one that was
        # lost, and its access token lives longer.
        assert all(one.scopes == new.scopes for one in again)
        lost = bool(again) and again[-1] != new
        assert not lost or (grant.unconfirmed_since and self.now > again[-1].at + LIFETIMES.grace_s)
        assert (bool(again) and not lost) or grant.issued_at == self.now
        self.lost += lost
        self.issued += [] if again and not lost else [new]

    def check(self) -> None:
        grant = self.grant
        assert set(grant.scopes) == GRANTED
        assert (grant.client_id, grant.subject, grant.resource) == (
            "client-1",
            "subject-1",
            code_grant().resource,
        )
        assert max(grant.access_expires_at, grant.refresh_expires_at) <= grant.expires_at
        for one in self.issued:
            if one.expires_at > self.now and is_live_access(grant, one.generation):
                assert set(grant.scopes_of(one.generation)) == one.scopes <= GRANTED
        for generation in range(grant.generation + 3):
            access, refreshes = self.lives(generation)
            assert not (self.ended and (access or refreshes)), "a revoked grant has nothing that works"
            assert not (access and generation not in {one.generation for one in self.issued})
        assert sum(self.lives(generation)[1] for generation in range(grant.generation + 3)) <= 2

    def lives(self, generation: int) -> tuple[bool, bool]:
        """Whether an access and a refresh token of that generation would work."""
        return (
            is_live_access(self.grant, generation),
            is_live_refresh(self.grant, generation, self.now, LIFETIMES.grace_s),
        )


@pytest.mark.requirement("AS-13", "SEC-6", "SEC-7", "SEC-9")
def test_no_history_revives_a_grant_widens_its_scope_or_forks_its_successors() -> None:
    longest = lost = 0
    for seed in range(HISTORIES):
        history = History(random.Random(seed))  # noqa: S311 -- not a secret
        for _ in range(STEPS):
            history.step()
        longest, lost = max(longest, len(history.issued)), lost + history.lost
    # Else the histories would all have ended too early to show anything.
    assert longest > 20
    assert lost > 20


def test_a_grant_that_was_written_is_what_its_bytes_say() -> None:
    """So that a grant need not be decoded after it was written."""
    codec = JsonCodec(Grant, compressed=True)
    for seed in range(HISTORIES // 10):
        history = History(random.Random(seed))  # noqa: S311 -- not a secret
        for _ in range(STEPS):
            history.step()
            assert codec.decode(codec.encode(history.grant)) == history.grant
