"""Tokens that are newer than the stored grant: a store that lost writes ends nothing, and widens nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from auth_service.crypto.handles import Handle, Kind
from auth_service.protocol.errors import InvalidGrantError
from auth_service.protocol.grant import Grant, is_live_access, is_live_refresh, redeem, refresh, revoked
from auth_service.protocol.grant_use import is_worth_recording, record_presented
from auth_service.protocol.lost_writes import advanced, caught_up, restrictions_known
from tests.auth_service.protocol.builders import (
    LIFETIMES,
    NOW,
    active_grant,
    code_grant,
    redemption,
    refreshing,
    written,
)

pytestmark = pytest.mark.requirement("AS-13", "SEC-7")
AT = NOW + 1_000
LATER = AT + 10
HISTORIES, STEPS = 400, 40


def token_of(grant: Grant, kind: Kind = Kind.REFRESH_TOKEN) -> Handle:
    """The token of the grant's generation, as it is issued."""
    access = kind is Kind.ACCESS_TOKEN
    return Handle(
        kind=kind,
        grant_id=grant.grant_id,
        generation=grant.generation,
        expires_at=grant.access_expires_at if access else grant.refresh_expires_at,
        narrowed=access and str(grant.generation) in (grant.narrowed or {}),
        bound=grant.jkt is not None,
    )


def rotated(grant: Grant, now: int = AT, **presented: Any) -> Grant:
    return written(refresh(grant, refreshing(grant.generation, **presented), LIFETIMES, now))


def refreshed_with(stored: Grant, token: Handle, now: int = AT + 1, **presented: Any) -> Any:
    """Present a refresh token, as the token endpoint does."""
    request = refreshing(token.generation, **presented)
    newest = caught_up(stored, token, LIFETIMES, now, may_rebind=request.may_rebind)
    return refresh(newest, request, LIFETIMES, now)


@pytest.mark.parametrize("kind", [Kind.ACCESS_TOKEN, Kind.REFRESH_TOKEN])
@pytest.mark.parametrize("lost", [1, 3])
def test_a_newer_token_takes_the_grant_to_its_generation(kind: Kind, lost: int) -> None:
    stored = newest = active_grant()
    for number in range(lost):
        newest = rotated(newest, AT + number)
    moved = caught_up(stored, token_of(newest, kind), LIFETIMES, LATER)
    assert moved == newest
    assert is_live_access(moved, newest.generation)
    assert is_live_refresh(moved, newest.generation, AT, LIFETIMES.grace_s)


def test_a_refresh_that_the_store_lost_is_not_reuse() -> None:
    stored = active_grant()
    newest = rotated(rotated(stored))
    grant = written(refreshed_with(stored, token_of(newest)))
    assert grant.generation == newest.generation + 1
    # The window of the refresh, and reuse of everything older, are as ever.
    assert refresh(grant, refreshing(newest.generation), LIFETIMES, AT + 2) == (None, grant)
    document, refused = refresh(grant, refreshing(1), LIFETIMES, AT + 2)
    assert isinstance(refused, InvalidGrantError)
    assert document is not None
    assert document.state == "revoked"


def test_a_redemption_that_the_store_lost_is_made_good() -> None:
    newest = active_grant(AT)
    moved = caught_up(code_grant(), token_of(newest), LIFETIMES, LATER)
    assert replace(moved, redeemed_at=AT, unconfirmed_since=0) == newest
    document, refused = redeem(moved, redemption(), LIFETIMES, AT + 1)
    assert isinstance(refused, InvalidGrantError)
    assert document is not None
    assert document.state == "revoked"


def test_a_code_and_older_tokens_change_nothing() -> None:
    stored = rotated(active_grant())
    assert caught_up(stored, token_of(stored), LIFETIMES, LATER) is stored
    assert caught_up(stored, token_of(active_grant()), LIFETIMES, LATER) is stored
    newer = token_of(rotated(stored))
    assert caught_up(stored, replace(newer, kind=Kind.CODE), LIFETIMES, LATER) is stored


def test_what_is_revoked_stays_revoked() -> None:
    stored = active_grant()
    newer, ended = token_of(rotated(stored)), revoked(stored, "it was revoked")
    assert caught_up(ended, newer, LIFETIMES, LATER) is ended
    assert advanced(ended, rotated(stored)) is ended
    assert not is_live_access(ended, newer.generation)


def test_tokens_never_outlive_the_grant() -> None:
    stored = active_grant(expires_at=NOW + 1_200)
    newest = rotated(stored)
    moved = caught_up(stored, token_of(newest, Kind.ACCESS_TOKEN), LIFETIMES, LATER)
    assert moved.access_expires_at <= moved.refresh_expires_at == newest.refresh_expires_at == NOW + 1_200


@pytest.mark.parametrize("kind", [Kind.ACCESS_TOKEN, Kind.REFRESH_TOKEN])
def test_tokens_of_longer_lifetimes_than_now_configured_do_not_keep_superseded_tokens_valid(
    kind: Kind,
) -> None:
    longer = replace(LIFETIMES, access_s=6_000, refresh_idle_s=40_000)
    stored = active_grant()
    newest = written(refresh(stored, refreshing(stored.generation), longer, AT))
    moved = caught_up(stored, token_of(newest, kind), LIFETIMES, LATER)
    assert moved.issued_at <= LATER
    assert moved.access_expires_at <= LATER + LIFETIMES.access_s
    assert moved.refresh_expires_at <= LATER + LIFETIMES.refresh_idle_s
    confirmed, _ = record_presented(moved, moved.generation, LATER)
    assert confirmed
    document, refused = refresh(
        confirmed, refreshing(stored.generation), LIFETIMES, LATER + LIFETIMES.grace_s + 1
    )
    assert isinstance(refused, InvalidGrantError)
    assert document
    assert document.state == "revoked"


def test_a_grant_without_refresh_tokens_gets_none() -> None:
    stored = code_grant(refreshable=False)
    newest = written(redeem(stored, redemption(), LIFETIMES, AT))
    moved = caught_up(stored, token_of(newest, Kind.ACCESS_TOKEN), LIFETIMES, LATER)
    assert (moved.generation, moved.refresh_expires_at) == (1, 0)


def test_a_narrowed_token_whose_scope_is_lost_is_not_widened() -> None:
    stored = active_grant()
    narrow = rotated(stored, scope="a")
    token = token_of(narrow, Kind.ACCESS_TOKEN)
    assert restrictions_known(narrow, token)
    assert caught_up(stored, token, LIFETIMES, LATER) is stored
    # Nor later, when the client has refreshed: the grant is past its generation, and knows no scope of it.
    assert not restrictions_known(written(refreshed_with(stored, token_of(narrow))), token)


def test_a_bound_token_whose_key_is_lost_is_not_unbound() -> None:
    stored = active_grant()
    bound = rotated(stored, jkt="one")
    for kind in (Kind.ACCESS_TOKEN, Kind.REFRESH_TOKEN):
        assert restrictions_known(bound, token_of(bound, kind))
        assert caught_up(stored, token_of(bound, kind), LIFETIMES, LATER) is stored
    document, refused = refreshed_with(stored, token_of(bound), jkt="other")
    assert document is None
    assert isinstance(refused, InvalidGrantError)
    # An authenticated client may name its key again.
    assert written(refreshed_with(stored, token_of(bound), jkt="one", may_rebind=True)).jkt == "one"


def test_the_key_of_a_code_is_that_of_its_tokens() -> None:
    newest = written(redeem(code_grant(code_jkt="one"), redemption(jkt="one"), LIFETIMES, AT))
    assert caught_up(code_grant(code_jkt="one"), token_of(newest), LIFETIMES, LATER).jkt == "one"
    assert caught_up(code_grant(), token_of(newest), LIFETIMES, LATER).state == "code"


def test_a_bound_grant_keeps_its_key() -> None:
    stored = replace(active_grant(), jkt="one")
    newest = rotated(stored, jkt="one")
    assert caught_up(stored, token_of(newest), LIFETIMES, LATER).jkt == "one"
    document, refused = refreshed_with(stored, token_of(newest), jkt="other")
    assert isinstance(refused, InvalidGrantError)
    assert document is None or document.jkt == "one"


def test_the_presentation_of_a_newer_token_is_written() -> None:
    stored = active_grant()
    newest = rotated(stored)
    moved = caught_up(stored, token_of(newest, Kind.ACCESS_TOKEN), LIFETIMES, LATER)
    assert is_worth_recording(moved, 2, AT)
    document, _ = record_presented(advanced(stored, moved), 2, AT)
    assert document == replace(moved, unconfirmed_since=0)
    assert advanced(newest, moved) is newest
    assert advanced(rotated(newest), moved).generation == 3
    # From then on the token before is reuse, although the store has lost its use.
    assert not is_live_refresh(document, 1, AT + LIFETIMES.grace_s + 1, LIFETIMES.grace_s)


@dataclass
class History:
    """An honest client, which keeps every token, at a store that now and then forgets its last writes."""

    chance: random.Random
    now: int = NOW
    written: list[Grant] = field(default_factory=lambda: [active_grant()])
    held: list[tuple[Handle, Handle, frozenset[str]]] = field(default_factory=list)
    losses: int = 0

    @property
    def grant(self) -> Grant:
        return self.written[-1]

    def step(self) -> None:
        self.now += self.chance.choice((1, 61, 300, 900))
        self.chance.choices((self.refresh, self.present, self.forget), (6, 4, 2))[0]()

    def refresh(self) -> None:
        token = self.held[-1][0] if self.held else token_of(self.grant)
        document, result = refreshed_with(
            self.grant, token, self.now, scope=self.chance.choice((None, None, "a"))
        )
        assert isinstance(result, Grant), "somebody honest is logged out"
        assert set(result.scopes) == {"a", "b", "c"}
        self.written.append(document or result)
        access = token_of(result, Kind.ACCESS_TOKEN)
        self.held.append((token_of(result), access, frozenset(result.scopes_of(result.generation))))

    def present(self) -> None:
        for _, token, scopes in self.held[-3:]:
            grant = caught_up(self.grant, token, LIFETIMES, self.now)
            live = is_live_access(grant, token.generation) and restrictions_known(grant, token)
            if live and token.expires_at > self.now:
                assert set(grant.scopes_of(token.generation)) == scopes
                document, _ = record_presented(advanced(self.grant, grant), token.generation, self.now)
                self.written += [document] if document else []

    def forget(self) -> None:
        lost = min(self.chance.randrange(4), len(self.written) - 1)
        if lost:
            del self.written[-lost:]
            self.losses += 1


LASTING = {"expires_at": NOW + 10_000_000}


def test_in_no_history_of_lost_writes_is_somebody_honest_logged_out_or_a_scope_widened() -> None:
    losses = 0
    for seed in range(HISTORIES):
        history = History(random.Random(seed), written=[active_grant(**LASTING)])  # noqa: S311 -- not a secret
        for _ in range(STEPS):
            history.step()
        losses += history.losses
        # A thief with an older token is found in the end, as ever.
        stolen = history.grant.generation - 2
        if stolen > 0 and history.grant.unconfirmed_since == 0:
            document, refused = refresh(history.grant, refreshing(stolen), LIFETIMES, history.now)
            assert isinstance(refused, InvalidGrantError), f"seed {seed}"
            assert document is not None
            ended = [token for _, token, _ in history.held]
            moved = [(caught_up(document, token, LIFETIMES, history.now), token) for token in ended]
            assert not any(is_live_access(grant, token.generation) for grant, token in moved)
    assert losses > HISTORIES
