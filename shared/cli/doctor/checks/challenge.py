"""How the MCP server asks for a token (RFC 6750 §3, RFC 9728 §5.1)."""

from __future__ import annotations

from shared.challenges import bearer_challenge, parse_challenges
from shared.cli.doctor.documents import document_of, why_no_document
from shared.cli.doctor.evidence import Evidence, Place
from shared.cli.doctor.exchange import Exchange
from shared.cli.doctor.text import quoted
from shared.cli.doctor.urls import is_web_url
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped

UNANSWERED = "the MCP server does not answer"


@check(
    "challenge-post",
    "POST without a token is answered with 401",
    meaning="Clients log in only after a 401. After any other status, they report an error, or use a "
    "server that protects nothing.",
    fix="Answer every request without a token with 401, before checking anything else.",
)
def challenge_post(evidence: Evidence) -> Verdict:
    status = evidence.post.status
    if status is None:
        return skipped(UNANSWERED)
    if status == 401:
        return ok()
    guess = "; it works without any token" if 200 <= status < 300 else ""
    return problem(f"it answers {status}{'; check the path' if status == 404 else guess}")


@check(
    "challenge-get",
    "GET without a token is answered with the same challenge",
    meaning="Clients that start with the event stream, and browsers, send GET.",
    fix="Answer GET without a token with the same 401 and WWW-Authenticate header as POST.",
    weight=Status.WARNING,
)
def challenge_get(evidence: Evidence) -> Verdict:
    return _same_challenge(evidence, evidence.get)


@check(
    "challenge-head",
    "HEAD without a token is answered with the same challenge",
    meaning="Gemini CLI starts with HEAD to find the WWW-Authenticate header.",
    fix="Answer HEAD without a token with the same 401 and WWW-Authenticate header as POST.",
    weight=Status.WARNING,
)
def challenge_head(evidence: Evidence) -> Verdict:
    return _same_challenge(evidence, evidence.head)


def _same_challenge(evidence: Evidence, exchange: Exchange | None) -> Verdict:
    if evidence.post.status != 401 or exchange is None:
        return skipped("POST is not answered with 401")
    if exchange.answer is None:
        return problem(str(exchange.trouble))
    if exchange.answer.status != 401:
        return problem(f"it answers {exchange.answer.status}")
    challenge = bearer_challenge(exchange.answer.header("www-authenticate"))
    return ok() if challenge == evidence.challenge else problem("WWW-Authenticate differs from that of POST")


@check(
    "challenge-bearer",
    "The 401 carries a WWW-Authenticate header of the Bearer scheme",
    meaning="RFC 6750 §3 requires it. Clients find all other URLs through this header.",
    fix='Send WWW-Authenticate: Bearer resource_metadata="…", with commas between the parameters, and '
    "make sure that no proxy removes it.",
)
def challenge_bearer(evidence: Evidence) -> Verdict:
    answer = evidence.post.answer
    if answer is None or answer.status != 401:
        return skipped("POST is not answered with 401")
    value = answer.header("www-authenticate")
    if value is None:
        return problem("there is no WWW-Authenticate header")
    if parse_challenges(value) is None:
        return problem(f"it cannot be parsed: {quoted(value)}")
    return ok() if evidence.challenge else problem(f"it has another scheme: {quoted(value)}")


@check(
    "challenge-resource-metadata",
    "The challenge contains the URL of the metadata",
    meaning="RFC 9728 §5.1: without resource_metadata, or with a wrong URL, clients must guess.",
    fix='Add resource_metadata="URL" to the Bearer challenge, with the public URL of the protected '
    "resource metadata.",
)
def challenge_resource_metadata(evidence: Evidence) -> Verdict:
    if evidence.challenge is None:
        return skipped("there is no Bearer challenge")
    url = evidence.challenge.parameters.get("resource_metadata")
    if url is None:
        return problem("the challenge has no resource_metadata parameter")
    if not is_web_url(url):
        return problem(f"resource_metadata is not an absolute URL: {quoted(url)}")
    exchange = next((item for place, item in evidence.resource_metadata if place is Place.CHALLENGE), None)
    if exchange is not None and document_of(exchange) is None:
        return problem(f"{quoted(url)} {why_no_document(exchange)}")
    return ok(quoted(url))


@check(
    "challenge-scope",
    "The challenge names the scopes to request",
    meaning="MCP 2025-11-25: clients first request the scopes in the challenge. Without them, clients "
    "request all scopes or none.",
    fix='Add scope="…" to the Bearer challenge, with the scopes of an ordinary session.',
    weight=Status.WARNING,
)
def challenge_scope(evidence: Evidence) -> Verdict:
    if evidence.challenge is None:
        return skipped("there is no Bearer challenge")
    scope = evidence.challenge.parameters.get("scope")
    return ok(quoted(scope)) if scope else problem("the challenge has no scope parameter")


@check(
    "challenge-invalid-token",
    "An invalid token is answered with 401 invalid_token",
    meaning="RFC 6750 §3.1: after invalid_token, clients refresh or log in again. After 403 or 5xx they "
    "are stuck; 200 means that the server does not check tokens.",
    fix='Answer an invalid token with 401 and error="invalid_token" in the Bearer challenge.',
)
def challenge_invalid_token(evidence: Evidence) -> Verdict:
    exchange = evidence.invalid_token
    if evidence.post.status != 401 or exchange is None or exchange.answer is None:
        return skipped("POST is not answered with 401")
    if exchange.answer.status != 401:
        return problem(f"a made-up token is answered with {exchange.answer.status}")
    challenge = bearer_challenge(exchange.answer.header("www-authenticate"))
    if challenge is None or challenge.parameters.get("error") != "invalid_token":
        return problem('the challenge lacks error="invalid_token"', Status.WARNING)
    return ok()


CHECKS = (
    challenge_post,
    challenge_get,
    challenge_head,
    challenge_bearer,
    challenge_resource_metadata,
    challenge_scope,
    challenge_invalid_token,
)
