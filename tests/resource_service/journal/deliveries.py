"""An authorization server that stores deliveries, and journals that deliver to it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from resource_service.errors import cannot_ask
from resource_service.journal.call_journal import CallJournal, JournalLimits
from resource_service.reasons import Reason
from shared.http_exchange import Answer
from shared.journal.chain import Head, digest_of, read_entry
from shared.journal.delivery import MAX_BYTES, process_of, read_delivery
from shared.journal.event import EncodedMembers, encoded_members
from shared.journal.verification import verify_chain

SERVER_HEAD = Head("the-writer-of-the-server", 5, digest_of(b"x"))


class Server:
    """An authorization server that stores chains.

    Attributes:
        answers: of the next requests; 0 loses the answer.
        refuses: texts; a delivery with one of them is malformed.
    """

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.chains: dict[str, list[bytes]] = {}
        self.requests = 0
        self.refuses: frozenset[str] = frozenset()

    async def post(self, body: bytes) -> Answer:
        self.requests += 1
        assert len(body) <= MAX_BYTES
        status = self.answers.pop(0) if self.answers else 200
        if status not in (0, 200):
            return Answer(status, {}, b"{}")
        delivery = read_delivery(body)
        if any(text.encode() in body for text in self.refuses):
            return Answer(400, {}, b"{}")
        entries = self.chains.setdefault(delivery.chain, [])
        for line in (line for write in delivery.writes for line in write.split(b"\n")):
            sequence = read_entry(line)["sequence"]
            if sequence == len(entries) + 1:
                entries.append(line)
            elif sequence > len(entries):
                self.chains = {chain: lines for chain, lines in self.chains.items() if lines}
                return Answer(409, {}, json.dumps({"through": len(entries)}).encode())
        if status == 0:
            raise cannot_ask(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "the answer was lost")
        answer = {"through": len(entries), "head": SERVER_HEAD.to_json()}
        return Answer(200, {}, json.dumps(answer).encode())

    def events(self) -> list[dict[str, Any]]:
        """Every event, after the chains were verified."""
        for chain, entries in self.chains.items():
            assert verify_chain(chain, entries, {}).problem is None
        return [
            {"process": process_of(chain), **read_entry(entry)}
            for chain in sorted(self.chains)
            for entry in self.chains[chain]
        ]

    def kinds(self) -> Counter[str]:
        return Counter(event["kind"] for event in self.events())


def journal(directory: Path | None = None, *, server_id: str = "resource", **limits: Any) -> CallJournal:
    return CallJournal(server_id, lambda: 1_000.5, JournalLimits(directory=directory, **limits))


def call(name: str = "read") -> EncodedMembers:
    return encoded_members({"method": "tools/call", "name": name, "grant": "g", "missing": None})
