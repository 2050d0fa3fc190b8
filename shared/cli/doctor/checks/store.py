"""The store of the authorization server, as `/ready` describes it, or as it is if the doctor may open it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.cli.doctor.documents import document_of
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.text import printable
from shared.cli.doctor.verdict import Check, Status, Verdict, check, ok, problem, skipped

MOST_LISTED = 5
NOT_REVEALED = "the authorization server does not describe its store"

PATTERNS = {
    "store-version": re.compile(r"is older than \d"),
    "store-eviction": re.compile(r"maxmemory-policy "),
    "store-memory": re.compile(r"of maxmemory is used"),
    "store-sync": re.compile(r"appendonly |appendfsync "),
    "store-clock": re.compile(r"the clock is "),
    "store-replicas": re.compile(r"replica|does not respond"),
}
"""The check for each complaint of `shared/storage/redis_info.py`: the first whose pattern matches."""


def check_of(complaint: str) -> str:
    """Return the id of the check that reports a complaint about the store."""
    return next((name for name, pattern in PATTERNS.items() if pattern.search(complaint)), "store-other")


def _complaints(evidence: Evidence) -> list[str] | None:
    """Return all complaints; None if there is no description of the store."""
    if evidence.store_complaints is not None:
        return evidence.store_complaints
    document = document_of(evidence.ready) if evidence.ready else None
    if document is None or document.get("status") != "ok":
        return None
    warnings = document.get("warnings", [])
    return [text for text in warnings if isinstance(text, str)] if isinstance(warnings, list) else []


def _judge(name: str, evidence: Evidence) -> Verdict:
    complaints = _complaints(evidence)
    if complaints is None:
        return skipped(NOT_REVEALED)
    own = [complaint for complaint in complaints if check_of(complaint) == name]
    return problem(_listed(own)) if own else ok()


def _listed(complaints: Sequence[str]) -> str:
    more = f"; and {len(complaints) - MOST_LISTED} more" if len(complaints) > MOST_LISTED else ""
    return "; ".join(printable(complaint, 300) for complaint in complaints[:MOST_LISTED]) + more


@check(
    "store-available",
    "The store of the authorization server accepts writes",
    meaning="Without its store, the authorization server answers logins and refreshes with 503.",
    fix="Start the store, free its memory or disk, and see the log of the authorization server.",
)
def store_available(evidence: Evidence) -> Verdict:
    ready = evidence.ready
    if evidence.store_failure:
        return problem(printable(evidence.store_failure, 300))
    if ready is not None and ready.status == 503:
        return problem("/ready answers with 503")
    return skipped(NOT_REVEALED) if _complaints(evidence) is None else ok()


def _about(name: str, title: str, meaning: str, fix: str) -> Check:
    """A check that reports the complaints of one kind."""
    weight = Status.WARNING
    return check(name, title, meaning=meaning, fix=fix, weight=weight)(
        lambda evidence: _judge(name, evidence)
    )


CHECKS = (
    store_available,
    _about(
        "store-version",
        "The store has a supported version",
        "Older versions of Redis lack commands that single use and atomic changes rely on.",
        "Run Redis 6.2 or newer, or Valkey 7.2 or newer.",
    ),
    _about(
        "store-eviction",
        "The store never drops data to save memory",
        "If Redis evicts keys, people are logged out, and single-use values could be used again.",
        "Set maxmemory-policy to noeviction.",
    ),
    _about(
        "store-memory",
        "The store has memory left",
        "A full store accepts no registrations, logins and new connections.",
        "Raise maxmemory, or find what fills the store.",
    ),
    _about(
        "store-sync",
        "The store syncs each write",
        "After a crash of Redis, what was acknowledged but not written is lost, revocations included.",
        "Set appendonly to yes and appendfsync to always.",
    ),
    _about(
        "store-replicas",
        "Every server of the store responds, and replicas have what is acknowledged",
        "A failover loses what the replicas do not have.",
        "Repair the replica, and set min-replicas-to-write to 1 or DOORWARD_DURABILITY to replicated.",
    ),
    _about(
        "store-clock",
        "The clocks of the store and of the authorization server agree",
        "At a failover to a server with another time, codes and tokens expire early or late.",
        "Synchronize the clocks of the hosts with NTP.",
    ),
    _about(
        "store-other",
        "The authorization server has no other warning about its store",
        "A newer authorization server may check more than this doctor.",
        "See the log of the authorization server.",
    ),
)
