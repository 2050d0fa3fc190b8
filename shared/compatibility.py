"""Which releases can run side by side: what each writes, and what it reads.

Two releases can run side by side if each reads what the other one writes, in every form of `FORMS`. A release
that changes a form so that the previous release cannot read it raises its version here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Form:
    """Something that one release writes and another one reads.

    Attributes:
        name: of the form.
        writes: the version that the release writes.
        reads_from: the oldest version that it reads.
        reads_to: the newest version that it reads.
    """

    name: str
    writes: int
    reads_from: int
    reads_to: int


STORE = "store"
DOCUMENTS = "documents"
MEANINGS = {
    STORE: "how documents are stored: 1 is plain JSON, 2 is compressed, without members with default values",
    DOCUMENTS: "the highest version of a stored document; the release before reads it, and keeps its members",
    "tokens": "codes, access tokens and refresh tokens",
    "introspection": "what the resource service asks about tokens (RFC 7662)",
    "revocations": "the polling of revocations (RFC 8936)",
    "calls": "the batches of calls that the resource service posts to /events",
}
FORMS = (
    Form(name=STORE, writes=2, reads_from=1, reads_to=2),
    Form(name=DOCUMENTS, writes=1, reads_from=1, reads_to=2),
    Form(name="tokens", writes=1, reads_from=1, reads_to=1),
    Form(name="introspection", writes=1, reads_from=1, reads_to=1),
    Form(name="revocations", writes=1, reads_from=1, reads_to=1),
    Form(name="calls", writes=1, reads_from=1, reads_to=1),
)
"""The forms of this release."""

BEFORE_RECORDS = tuple(form for form in FORMS if form.name != "calls")
"""The forms of releases that did not record themselves in the store: since documents are compressed.

They have no /events; the resource service keeps what it cannot deliver.
"""

STORE_FORMAT = next(form.writes for form in FORMS if form.name == STORE)

RENAMED_SETTINGS: dict[str, str] = {}
"""Settings of the previous release that have another name in this one: the old name, and the new one."""


def obstacles(running: Sequence[Form], new: Sequence[Form] = FORMS) -> Iterator[str]:
    """Yield why two releases cannot run side by side, one sentence for each form."""
    others = {form.name: form for form in running}
    for form in new:
        other = others.get(form.name, form)
        if not form.reads_from <= other.writes <= form.reads_to:
            yield (
                f"{form.name}: the running release writes version {other.writes}, and this one reads"
                f" {form.reads_from} to {form.reads_to}"
            )
        if not other.reads_from <= form.writes <= other.reads_to:
            yield (
                f"{form.name}: this release writes version {form.writes}, and the running one reads"
                f" {other.reads_from} to {other.reads_to}"
            )
