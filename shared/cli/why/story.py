"""The entries of one request as sentences, in order of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.cli.doctor.text import printable
from shared.cli.why.entries import Entry

SERVICES = {"auth_service": "authorization server", "resource_service": "resource server"}
_NOT_WORTH_SAYING = frozenset(
    {"event", "timestamp", "level", "logger", "request_id", "asked_request_id", "exception"}
)
_MAX_TRACEBACK_LINES = 60


@dataclass(frozen=True, slots=True)
class Scene:
    """One event of the request.

    Attributes:
        when: as logged.
        where: the service, or the origin of the line.
        sentences: the description, safe to print.
        traceback: of an unhandled exception.
    """

    when: str
    where: str
    sentences: list[str]
    traceback: list[str]


def entries_of(request_id: str, entries: Iterable[Entry]) -> list[Entry]:
    """Return all entries of a request in both services.

    Each service assigns its own id to a request and ignores ids of others. The calling service logs the id
    in the response of the other one.
    """
    by_id: defaultdict[str, list[Entry]] = defaultdict(list)
    asked_by: dict[str, str] = {}
    for entry in entries:
        own = entry.text("request_id")
        if own:
            by_id[own].append(entry)
        if other_id := entry.text("asked_request_id"):
            asked_by[other_id] = own
    related = {request_id, asked_by.get(request_id, "")}
    related |= {entry.text("asked_request_id") for entry in by_id.get(request_id, ())}
    matching = [entry for each in related - {""} for entry in by_id.get(each, ())]
    return sorted(matching, key=lambda entry: entry.text("timestamp"))


def scenes_of(entries: Iterable[Entry]) -> list[Scene]:
    """Turn entries into scenes."""
    return [
        Scene(
            printable(entry.text("timestamp"), 40),
            _where(entry),
            [printable(sentence) for sentence in _sentences(entry)],
            [printable(line) for line in _traceback(entry)],
        )
        for entry in entries
    ]


def _where(entry: Entry) -> str:
    package = entry.text("logger").partition(".")[0]
    return SERVICES.get(package) or printable(entry.origin, 60)


def _sentences(entry: Entry) -> Iterator[str]:
    event, reason, status = entry.text("event"), entry.text("reason"), entry.text("status")
    if event == "unhandled error":
        yield f"{_request(entry)} failed with an unexpected error, and was answered with 500."
    elif event == "introspected as inactive":
        caller = entry.text("caller")
        yield f"{caller} introspected a token, and the response was that the token is not active."
        if reason:
            yield f"Reason: {_with_code(entry, reason)}"
    elif status and reason:
        answer = " ".join(filter(None, (status, entry.text("error"))))
        yield f"{_request(entry)} was refused with {answer}."
        yield f"The response said: {entry.text('told') or reason}"
        private = entry.text("detail") or (reason if entry.text("told") else "")
        if why := _with_code(entry, private):
            yield f"Reason: {why}"
    else:
        yield f"{event[:1].upper()}{event[1:]}{_details(entry)}."


def _with_code(entry: Entry, reason: str) -> str:
    code = entry.text("reason_code")
    return " ".join(filter(None, (reason, f"({code})" if code else "")))


def _request(entry: Entry) -> str:
    return " ".join(filter(None, (entry.text("method"), entry.text("path")))) or "The request"


def _details(entry: Entry) -> str:
    details = {
        name: value
        for name, value in entry.fields.items()
        if name not in _NOT_WORTH_SAYING and value is not None
    }
    return f" ({', '.join(f'{name}: {value}' for name, value in details.items())})" if details else ""


def _traceback(entry: Entry) -> list[str]:
    lines = [*entry.text("exception").splitlines(), *entry.more]
    return lines[-_MAX_TRACEBACK_LINES:]
