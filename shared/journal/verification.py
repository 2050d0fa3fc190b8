"""Verification of chains: finds entries that were edited, removed, reordered or cut off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared import base64url
from shared.journal.chain import Head, digest_of, empty, read_entry, read_head
from shared.journal.checkpoint import is_signed
from shared.journal.delivery import is_delivered
from shared.journal.event import EventKind

Keys = Mapping[int, Ed25519PublicKey]
_DIGEST = 32
MAX_DISAGREEMENTS = 10
"""Problems that one chain of a resource server, which has no signatures, can claim of others."""


class Finding(StrEnum):
    """Something that shows a change of the journal."""

    UNREADABLE = "the entry is not JSON of a journal"
    GAP = "entries before this one are missing, or entries are in another order"
    CHANGED = "the entry before this one was changed, or the order of entries"
    NOT_SIGNED = "the signature of the checkpoint is not valid"
    CUT_OFF = "entries up to this one existed and are missing"
    DIFFERENT = "another chain names a different digest of this entry"
    TRIMMED = "the entries before this one are missing without a record of their removal"
    MISSING = "the whole chain is missing"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """The first place where a chain is wrong.

    Attributes:
        sequence: the entry at which it shows.
        witness: the chain that names the entry differently; "" if the chain itself is wrong, or disagrees
            with a head that was kept elsewhere. One of the two is wrong: a resource server can name anything.
    """

    writer: str
    sequence: int
    finding: Finding
    witness: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Return the finding, with the witness."""
        if not self.witness:
            return str(self.finding)
        return f"{self.finding}, according to chain {self.witness}; one of the two was changed"


@dataclass(slots=True, kw_only=True)
class VerifiedChain:
    """A chain whose entries were read in order.

    Attributes:
        first: the sequence of its first entry.
        head: its last entry that fits.
        signed: the sequence of its last valid checkpoint; later entries are not signed yet.
        before: the last entry that was removed, as the first one names it.
        problem: the first one, if any; the entries behind it were not judged.
        heads: the heads of other chains that its checkpoints name.
        removals: its records of removal: the sequence of the record, and the last entry that was removed; the
            digest of that is empty if a checkpoint follows it.
    """

    writer: str
    head: Head
    first: int = 1
    signed: int = 0
    problem: Problem | None = None
    before: Head | None = None
    heads: list[Head] = field(default_factory=list)
    removals: list[tuple[int, Head]] = field(default_factory=list)
    _digests: bytearray = field(default_factory=bytearray)

    def digest(self, sequence: int) -> bytes | None:
        """Return the digest of an entry, or None if the chain has no such entry."""
        start = (sequence - self.first) * _DIGEST
        return bytes(self._digests[start : start + _DIGEST]) or None if start >= 0 else None

    def add(self, entry: bytes, keys: Keys) -> None:
        """Judge the next entry; nothing is judged behind a problem."""
        if self.problem is None:
            finding = self._judge(entry, keys)
            if finding:
                self.problem = Problem(self.writer, self.head.sequence + 1, finding)

    def _judge(self, entry: bytes, keys: Keys) -> Finding | None:
        try:
            members = read_entry(entry)
            previous = base64url.decode(members["previous"])
        except ValueError:
            return Finding.UNREADABLE
        if not self._digests and members["sequence"] > 1:
            self._begin_after_removal(members, previous)
        if members["sequence"] != self.head.sequence + 1:
            return Finding.GAP
        if previous != self.head.digest:
            return Finding.CHANGED
        if members["kind"] == EventKind.CHECKPOINT:
            if not is_signed(members, self.head, keys):
                return Finding.NOT_SIGNED
            self.signed = members["sequence"]
        if not self._note(members):
            return Finding.UNREADABLE
        self.head = Head(self.writer, members["sequence"], digest_of(entry))
        self._digests += self.head.digest
        return None

    def _begin_after_removal(self, members: Mapping[str, Any], previous: bytes) -> None:
        # Removal ends before a checkpoint, so that the first entry that is left is signed, and with it its
        # sequence and the digest of the entry before.
        # The chain of a resource server has no checkpoints: the record of the removal names the digest.
        if members["kind"] == EventKind.CHECKPOINT or is_delivered(self.writer):
            self.first = members["sequence"]
            self.head = self.before = Head(self.writer, self.first - 1, previous)

    def _note(self, members: Mapping[str, Any]) -> bool:
        """Note what the entry says of other chains. Return False if it cannot be read."""
        try:
            self.heads += map(read_head, members.get("heads", []))
            digest = base64url.decode(members.get("digest", ""))
        except (TypeError, ValueError):
            return False
        if members["kind"] == EventKind.TRIMMED:
            chain, through = members.get("chain"), members.get("through")
            if not isinstance(chain, str) or not isinstance(through, int):
                return False
            self.removals.append((members["sequence"], Head(chain, through, digest)))
        return True


def verify_chain(writer: str, entries: Iterable[bytes], keys: Keys) -> VerifiedChain:
    """Verify one chain alone.

    Args:
        entries: in the order in which they are kept.
        keys: the public keys of checkpoints, by key id.
    """
    chain = VerifiedChain(writer=writer, head=empty(writer))
    for entry in entries:
        chain.add(entry, keys)
    return chain


def verify(chains: Iterable[VerifiedChain], witnessed: Iterable[Head] = ()) -> list[Problem]:
    """Return the problems of chains: their own, and those that show when they are compared.

    Args:
        witnessed: heads that were kept elsewhere.
    """
    by_writer = {chain.writer: chain for chain in chains}
    removed = _removed(by_writer.values())
    problems = {(writer, ""): chain.problem for writer, chain in by_writer.items() if chain.problem}
    for chain in by_writer.values():
        last = removed.get(chain.writer, empty(chain.writer))
        is_other = is_delivered(chain.writer) and chain.before not in (None, last)
        if chain.first > last.sequence + 1 or (is_other and chain.first == last.sequence + 1):
            _keep_first(problems, Problem(chain.writer, chain.first, Finding.TRIMMED))
    for head in witnessed:
        if problem := _compare(head, by_writer.get(head.writer), removed):
            _keep_first(problems, problem)
    for chain in by_writer.values():
        _compare_heads(chain, by_writer, removed, problems)
    return sorted(problems.values())


def _compare_heads(
    witness: VerifiedChain,
    by_writer: Mapping[str, VerifiedChain],
    removed: Mapping[str, Head],
    problems: dict[tuple[str, str], Problem],
) -> None:
    """Compare the heads that a chain names with the chains."""
    left = MAX_DISAGREEMENTS
    for head in witness.heads:
        problem = _compare(head, by_writer.get(head.writer), removed)
        if problem is None:
            continue
        left -= 1
        if left < 0 and is_delivered(witness.writer):
            return
        _keep_first(problems, replace(problem, witness=witness.writer))


def unsigned(chains: Iterable[VerifiedChain]) -> int:
    """Return how many entries no checkpoint protects yet, of their own chain or of one that names it."""
    by_writer = {chain.writer: chain for chain in chains}
    signed = {chain.writer: max(chain.signed, chain.first - 1) for chain in by_writer.values()}
    for chain in by_writer.values():
        for head in chain.heads:
            if not is_delivered(chain.writer) and is_delivered(head.writer) and head.writer in signed:
                signed[head.writer] = max(signed[head.writer], head.sequence)
    return sum(max(0, chain.head.sequence - signed[chain.writer]) for chain in by_writer.values())


def _removed(chains: Iterable[VerifiedChain]) -> dict[str, Head]:
    """Return up to which entries chains were removed, by records that a checkpoint follows.

    Behind the last checkpoint of a process that has ended, anybody with access to the store can add entries.
    """
    removed: dict[str, Head] = {}
    for chain in chains:
        for sequence, last in chain.removals:
            if sequence < chain.signed and last.sequence > removed.get(last.writer, last).sequence - 1:
                removed[last.writer] = last
    return removed


def _compare(head: Head, chain: VerifiedChain | None, removed: Mapping[str, Head]) -> Problem | None:
    if head.writer in removed and head.sequence <= removed[head.writer].sequence:
        return None
    if chain is None:
        return Problem(head.writer, head.sequence, Finding.MISSING)
    if chain.problem and head.sequence >= chain.problem.sequence:
        return None  # not judged
    digest = chain.digest(head.sequence)
    if digest is None:
        return Problem(head.writer, head.sequence, Finding.CUT_OFF)
    return None if digest == head.digest else Problem(head.writer, head.sequence, Finding.DIFFERENT)


def _keep_first(problems: dict[tuple[str, str], Problem], problem: Problem) -> None:
    # What a resource server claims must not hide what is certain about the same chain.
    claimant = problem.witness if is_delivered(problem.witness) else ""
    before = problems.get((problem.writer, claimant))
    if before is None or problem.sequence < before.sequence:
        problems[problem.writer, claimant] = problem
