"""A change of the journal is found, with the first entry that shows it (JR-3)."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable

import pytest

from shared import base64url
from shared.journal.chain import Chain, Head, digest_of
from shared.journal.checkpoint import CheckpointKey
from shared.journal.event import Event, EventKind
from shared.journal.verification import (
    MAX_DISAGREEMENTS,
    Finding,
    Problem,
    VerifiedChain,
    verify,
    verify_chain,
)

pytestmark = pytest.mark.requirement("JR-3")

KEY = CheckpointKey(1, bytes(32))
OTHER_KEY = CheckpointKey(1, bytes([1] * 32))
KEYS = {1: KEY.public}
EVERY = 10
"""Each tenth entry is a checkpoint."""
CHANGES = int(os.environ.get("DOORWARD_SOAK_JOURNAL_CHANGES", "1000"))

DELIVERED = "resource.a-process-of-22-letters.0"

Entries = list[bytes]


def call(number: int) -> Event:
    return Event(
        kind=EventKind.LOGIN, time_ms=1000 + number, members={"subject": "s1", "tool": f"tool{number}"}
    )


def written(chain: Chain, count: int, *, key: CheckpointKey = KEY, heads: tuple[Head, ...] = ()) -> Entries:
    """Write entries of which each tenth is a checkpoint."""
    entries = []
    for number in range(1, count + 1):
        event = call(number) if number % EVERY else key.checkpoint(chain.head, heads, 1000 + number)
        entries.append(chain.append(event))
    return entries


def problem_of(entries: Entries, *, writer: str = "a") -> Problem | None:
    return verify_chain(writer, entries, KEYS).problem


class TestOneChain:
    def test_an_untouched_chain_has_no_problem_and_is_signed_to_its_last_checkpoint(self) -> None:
        chain = verify_chain("a", written(Chain("a"), 25), KEYS)
        assert (chain.problem, chain.head.sequence, chain.signed) == (None, 25, 20)

    def test_a_chain_of_another_process_is_not_accepted(self) -> None:
        assert problem_of(written(Chain("b"), 5)) == Problem("a", 1, Finding.CHANGED)

    @pytest.mark.parametrize(
        ("entry", "finding"),
        [
            (b"no JSON", Finding.UNREADABLE),
            (b"[1]", Finding.UNREADABLE),
            (b'{"kind":"login","previous":"","time_ms":1}', Finding.UNREADABLE),
            (b'{"kind":"login","previous":"!","sequence":1,"time_ms":1}', Finding.CHANGED),
            (b'{"kind":"login","previous":"\xff","sequence":1,"time_ms":1}', Finding.UNREADABLE),
        ],
    )
    def test_an_entry_that_is_none_is_found(self, entry: bytes, finding: Finding) -> None:
        assert problem_of([entry]) == Problem("a", 1, finding)

    def test_a_checkpoint_by_another_key_is_found_although_every_digest_fits(self) -> None:
        rewritten = written(Chain("a"), 25, key=OTHER_KEY)
        assert problem_of(rewritten) == Problem("a", EVERY, Finding.NOT_SIGNED)

    def test_a_checkpoint_of_another_place_is_found_although_every_digest_fits(self) -> None:
        signed = json.loads(written(Chain("a"), EVERY)[-1])
        chain, copy = Chain("a"), {name: signed[name] for name in ("heads", "key", "signature")}
        entries = [chain.append(call(1))]
        entries.append(
            chain.append(Event(kind=EventKind.CHECKPOINT, time_ms=signed["time_ms"], members=copy))
        )
        assert problem_of(entries) == Problem("a", 2, Finding.NOT_SIGNED)


def edit(entries: Entries, at: int, chance: random.Random) -> int:
    changed = bytearray(entries[at])
    place = chance.randrange(len(changed))
    changed[place] ^= 1 << chance.randrange(8)
    entries[at] = bytes(changed)
    return at


def remove(entries: Entries, at: int, chance: random.Random) -> int:
    del entries[at : at + chance.randint(1, 5)]
    return at


def swap(entries: Entries, at: int, chance: random.Random) -> int:
    other = chance.choice([place for place in range(len(entries)) if place != at])
    entries[at], entries[other] = entries[other], entries[at]
    return min(at, other)


def repeat(entries: Entries, at: int, _chance: random.Random) -> int:
    entries.insert(at, entries[at])
    return at + 1


def truncate(entries: Entries, at: int, _chance: random.Random) -> int:
    del entries[at:]
    return at


class TestRandomChanges:
    """The window: a tail behind the last head that is witnessed elsewhere can be cut off, not edited."""

    @pytest.mark.parametrize("change", [edit, remove, swap, repeat, truncate])
    def test_each_random_change_is_found_at_its_first_wrong_entry(
        self, change: Callable[[Entries, int, random.Random], int]
    ) -> None:
        original = Chain("a")
        entries = written(original, 60)
        witness = Chain("b")
        witnessed = written(witness, EVERY, heads=(original.head,))
        for seed in range(CHANGES // 5):
            chance = random.Random(seed)  # noqa: S311 -- to be repeated, not to be secret
            changed = list(entries)
            at = change(changed, chance.randrange(len(changed)), chance)
            problems = verify([verify_chain("a", changed, KEYS), verify_chain("b", witnessed, KEYS)])
            (problem,) = problems
            assert problem.writer == "a", seed
            # An edited entry shows at once if it cannot be read, else in the digest that the next one holds
            # or, at the end, in the head that the witness holds.
            assert problem.sequence in _where(change, at, len(changed)), (seed, problem)

    @pytest.mark.parametrize("change", [edit, remove, swap, repeat, truncate])
    def test_each_random_change_of_a_chain_of_a_resource_server_is_found(
        self, change: Callable[[Entries, int, random.Random], int]
    ) -> None:
        original = Chain(DELIVERED)
        entries = [original.append(call(number)) for number in range(1, 61)]
        witnessed = verify_chain("b", written(Chain("b"), EVERY, heads=(original.head,)), KEYS)
        assert verify([verify_chain(DELIVERED, entries, KEYS), witnessed]) == []
        for seed in range(CHANGES // 5):
            chance = random.Random(seed)  # noqa: S311
            changed = list(entries)
            at = change(changed, chance.randrange(len(changed)), chance)
            (problem,) = verify([verify_chain(DELIVERED, changed, KEYS), witnessed])
            assert problem.writer == DELIVERED, seed
            # At the beginning, the first entry that is left is wrong, with any sequence that it has now.
            if at:
                assert problem.sequence in _where(change, at, len(changed)), (seed, problem)


def _where(change: Callable[..., int], at: int, left: int) -> tuple[int, ...]:
    if change is truncate or (change is remove and at >= left):
        return (60,)  # the head that the witness names
    # The first entry that is left may be a checkpoint, as after retention: then that one is wrong.
    moved = range(EVERY, 61, EVERY) if change is swap and at == 0 else ()
    return (at + 1, at + 2, *moved)


class TestSeveralChains:
    def _pair(self) -> tuple[VerifiedChain, VerifiedChain, Entries]:
        first, second = Chain("a"), Chain("b")
        entries = written(first, 25)
        return (
            verify_chain("a", entries, KEYS),
            verify_chain("b", written(second, EVERY, heads=(first.head,)), KEYS),
            entries,
        )

    def test_untouched_chains_have_no_problem(self) -> None:
        first, second, _ = self._pair()
        assert verify([first, second], witnessed=[first.head, second.head]) == []

    def test_a_tail_that_another_chain_has_seen_cannot_be_cut_off(self) -> None:
        _, second, entries = self._pair()
        cut = verify_chain("a", entries[:22], KEYS)
        assert verify([cut, second]) == [Problem("a", 25, Finding.CUT_OFF)]

    def test_a_tail_that_another_chain_has_seen_cannot_be_replaced(self) -> None:
        _, second, entries = self._pair()
        chain = Chain("a")
        written(chain, 24)
        other = [*entries[:24], chain.append(call(99))]
        assert verify([verify_chain("a", other, KEYS), second]) == [Problem("a", 25, Finding.DIFFERENT)]

    def test_a_chain_without_signatures_cannot_be_written_again_up_to_a_head_that_another_one_names(
        self,
    ) -> None:
        original, forged = Chain(DELIVERED), Chain(DELIVERED)
        for number in range(20):
            original.append(call(number))
        entries = [forged.append(call(99 if number == 5 else number)) for number in range(20)]
        witness = verify_chain("b", written(Chain("b"), EVERY, heads=(original.head,)), KEYS)
        assert verify([verify_chain(DELIVERED, entries, KEYS), witness]) == [
            Problem(DELIVERED, 20, Finding.DIFFERENT)
        ]

    def test_what_a_resource_server_claims_names_it_and_hides_nothing_and_is_limited(self) -> None:
        chain, liar = Chain("a"), Chain(DELIVERED)
        entries = written(chain, 25)
        false = [Head("a", 2, b"?" * 32), *(Head(f"none-{number}", 1, b"?" * 32) for number in range(50))]
        first = liar.append(call(1))
        heads = [head.to_json() for head in false]
        claim = liar.append(Event(kind=EventKind.WITNESS, time_ms=9, members={"heads": heads}))
        witness = verify_chain(DELIVERED, [first, claim], KEYS)
        problems = verify([verify_chain("a", entries, KEYS), witness])
        assert len(problems) == MAX_DISAGREEMENTS
        assert {problem.witness for problem in problems} == {DELIVERED}
        assert f"according to chain {DELIVERED}" in str(problems[0])
        honest = verify_chain("b", written(Chain("b"), EVERY, heads=(chain.head,)), KEYS)
        problems = verify([verify_chain("a", entries[:22], KEYS), witness, honest])
        assert Problem("a", 25, Finding.CUT_OFF) in problems, "a claim about an earlier entry hides it not"

    def test_a_missing_chain_is_found(self) -> None:
        first, second, _ = self._pair()
        assert verify([second]) == [Problem("a", 25, Finding.MISSING)]
        assert verify([first], witnessed=[second.head]) == [Problem("b", EVERY, Finding.MISSING)]

    def test_a_head_that_the_other_service_kept_shows_that_everything_was_rolled_back(self) -> None:
        first, _, entries = self._pair()
        rolled_back = verify_chain("a", entries[:20], KEYS)
        assert verify([rolled_back], witnessed=[first.head]) == [Problem("a", 25, Finding.CUT_OFF)]


class TestRetention:
    def _trimmed(self, through: int, *, recorded: int, signed: bool = True) -> list[Problem]:
        entries = written(Chain("a"), 35)
        keeper = Chain("b")
        record = Event(kind=EventKind.TRIMMED, time_ms=2000, members={"chain": "a", "through": recorded})
        kept = [keeper.append(record)]
        if signed:
            kept.append(keeper.append(KEY.checkpoint(keeper.head, (), 2001)))
        return verify([verify_chain("a", entries[through:], KEYS), verify_chain("b", kept, KEYS)])

    def test_entries_that_retention_removed_are_not_missing(self) -> None:
        assert self._trimmed(2 * EVERY - 1, recorded=2 * EVERY - 1) == []

    def test_more_than_the_record_says_must_not_be_missing(self) -> None:
        assert self._trimmed(2 * EVERY - 1, recorded=EVERY - 1) == [Problem("a", 2 * EVERY, Finding.TRIMMED)]

    def test_a_record_without_a_checkpoint_behind_it_excuses_nothing(self) -> None:
        assert self._trimmed(EVERY - 1, recorded=EVERY - 1, signed=False) == [
            Problem("a", EVERY, Finding.TRIMMED)
        ]

    def test_what_is_left_must_begin_with_a_checkpoint(self) -> None:
        assert self._trimmed(EVERY, recorded=EVERY) == [Problem("a", 1, Finding.GAP)]

    @pytest.mark.parametrize("is_true", [True, False])
    def test_what_is_left_of_a_chain_without_checkpoints_follows_the_entry_that_the_record_names(
        self, *, is_true: bool
    ) -> None:
        chain, keeper = Chain(DELIVERED), Chain("b")
        entries = [chain.append(call(number)) for number in range(10)]
        digest = base64url.encode(digest_of(entries[3 if is_true else 4]))
        members = {"chain": DELIVERED, "through": 4, "digest": digest}
        kept = [keeper.append(Event(kind=EventKind.TRIMMED, time_ms=1, members=members))]
        kept.append(keeper.append(KEY.checkpoint(keeper.head, (chain.head,), 2)))
        problems = verify([verify_chain(DELIVERED, entries[4:], KEYS), verify_chain("b", kept, KEYS)])
        assert problems == ([] if is_true else [Problem(DELIVERED, 5, Finding.TRIMMED)])

    def test_a_chain_that_was_removed_as_a_whole_is_not_missing(self) -> None:
        keeper = Chain("b")
        ended = Head("a", 5, bytes(32))
        kept = [
            keeper.append(KEY.checkpoint(keeper.head, (ended,), 1)),
            keeper.append(Event(kind=EventKind.TRIMMED, time_ms=2, members={"chain": "a", "through": 5})),
        ]
        kept.append(keeper.append(KEY.checkpoint(keeper.head, (), 3)))
        assert verify([verify_chain("b", kept, KEYS)]) == []
