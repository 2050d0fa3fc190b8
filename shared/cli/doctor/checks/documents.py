"""Rules for every well-known document, whichever server it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from shared.cli.doctor.documents import (
    Document,
    document_of,
    mistyped_members,
    null_members,
    url_members,
    why_not_json,
)
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.exchange import Exchange, Trouble
from shared.cli.doctor.text import listed, quoted
from shared.cli.doctor.urls import is_web_url, reach
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped

NONE = "there is no document"


def _documents(evidence: Evidence) -> Iterator[tuple[Exchange, Document]]:
    for exchange in evidence.well_knowns:
        if (document := document_of(exchange)) is not None:
            yield exchange, document


def _first_fault(evidence: Evidence, faults: list[tuple[Exchange, str]]) -> Verdict:
    if faults:
        exchange, what = faults[0]
        return problem(f"{quoted(exchange.url)}: {what}")
    return ok() if any(_documents(evidence)) else skipped(NONE)


@check(
    "well-known-errors",
    "No well-known URL returns a server error",
    meaning="After a 404, clients try the next URL. After a 5xx or 429, the Python and TypeScript SDKs "
    "give up.",
    fix="Fix the error, and answer well-known URLs that you do not serve with 404.",
)
def well_known_errors(evidence: Evidence) -> Verdict:
    failing = [item for item in evidence.well_knowns if item.status == 429 or (item.status or 0) >= 500]
    return problem(f"{quoted(failing[0].url)} answers {failing[0].status}") if failing else ok()


@check(
    "well-known-redirects",
    "No well-known URL redirects",
    meaning=(
        "RFC 8414 §3 and RFC 9728 §3 do not define redirects. SDKs follow none, or none to another origin."
    ),
    fix="Serve the document at the well-known URL itself.",
    weight=Status.WARNING,
)
def well_known_redirects(evidence: Evidence) -> Verdict:
    for item in evidence.well_knowns:
        if item.answer is not None and item.answer.redirects:
            return problem(f"{quoted(item.url)} leads to {quoted(item.answer.header('location') or '')}")
    return ok()


@check(
    "json",
    "Documents at well-known URLs are JSON",
    meaning="Web apps often answer unknown paths with their start page and 200. Clients fail to parse it, "
    "and do not try other URLs.",
    fix="Serve JSON objects as application/json at well-known URLs, and answer the others with 404.",
)
def json(evidence: Evidence) -> Verdict:
    answered = [item for item in evidence.well_knowns if item.status == 200]
    if not answered:
        return skipped(NONE)
    for item in answered:
        if item.answer and (why := why_not_json(item.answer)):
            return problem(f"{quoted(item.url)} {why}")
    for item in answered:
        if item.answer and item.answer.content_type != "application/json":
            return problem(
                f"{quoted(item.url)} is sent as {quoted(item.answer.content_type)}", Status.WARNING
            )
    return ok()


@check(
    "nulls",
    "No member is null",
    meaning="The TypeScript SDK rejects a document that contains null.",
    fix="Omit members without a value.",
)
def nulls(evidence: Evidence) -> Verdict:
    faults = [
        (exchange, f"{listed(names)} null")
        for exchange, document in _documents(evidence)
        if (names := null_members(document))
    ]
    return _first_fault(evidence, faults)


@check(
    "urls",
    "Every URL in the documents is valid",
    meaning="SDKs reject a document that contains an empty or relative URL.",
    fix="Use absolute URLs, and omit members without a value.",
)
def urls(evidence: Evidence) -> Verdict:
    faults = [
        (exchange, f"{quoted(name)} is {quoted(value)}")
        for exchange, document in _documents(evidence)
        for name, value in url_members(document)
        if not is_web_url(value)
    ]
    return _first_fault(evidence, faults)


@check(
    "mistyped",
    "Every member has the correct type",
    meaning=(
        "SDKs reject a document in which scopes are a string instead of an array, or a boolean is a string."
    ),
    fix=(
        "Use arrays of strings where the standard requires them (also for scopes_supported), and true "
        "without quotes."
    ),
)
def mistyped(evidence: Evidence) -> Verdict:
    faults = [
        (exchange, what)
        for exchange, document in _documents(evidence)
        for what in mistyped_members({name: value for name, value in document.items() if value is not None})
    ]
    return _first_fault(evidence, faults)


@check(
    "public-urls",
    "No document names an internal host",
    meaning="Behind a proxy or in containers, services may announce localhost or an internal name, which "
    "clients elsewhere cannot reach.",
    fix="Configure the public URLs of both services.",
)
def public_urls(evidence: Evidence) -> Verdict:
    home = reach(evidence.mcp_url)
    faults = [
        (exchange, f"{quoted(name)} is {quoted(value)}")
        for exchange, document in _documents(evidence)
        for name, value in url_members(document)
        if is_web_url(value) and isinstance(value, str) and reach(value) < home
    ]
    challenged = evidence.challenge.parameters.get("resource_metadata") if evidence.challenge else None
    if challenged and is_web_url(challenged) and reach(challenged) < home:
        return problem(f"the challenge names {quoted(challenged)}")
    if not faults and any(item.trouble is Trouble.OUT_OF_REACH for item in evidence.well_knowns):
        return problem("the authorization server is in a private network")
    return _first_fault(evidence, faults)


CHECKS = (
    well_known_errors,
    well_known_redirects,
    json,
    nulls,
    urls,
    mistyped,
    public_urls,
)
