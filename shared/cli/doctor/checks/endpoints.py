"""Responses of the endpoints to an unknown client, which every client is after a reset of the server."""

from __future__ import annotations

from shared.cli.doctor.documents import object_of, text_member
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.messages import UNKNOWN_REDIRECT
from shared.cli.doctor.text import quoted
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped


@check(
    "unknown-client-token",
    "The token endpoint answers an unknown client with invalid_client",
    meaning="RFC 6749 §5.2. On it clients drop a registration that is no longer known and register again; on"
    " anything else they fail until the user clears them by hand.",
    fix="Answer an unknown client_id at the token endpoint with 401 and the JSON error invalid_client.",
)
def unknown_client_token(evidence: Evidence) -> Verdict:
    exchange = evidence.unknown_client_token
    if exchange is None:
        return skipped("there is no token_endpoint")
    if exchange.answer is None:
        return problem(f"{quoted(exchange.url)}: {exchange.trouble}")
    code = text_member(object_of(exchange), "error")
    if not 400 <= exchange.answer.status < 500 or code is None:
        return problem(f"it answers {exchange.answer.status}, {quoted(exchange.answer.content_type)}")
    if code != "invalid_client":
        return problem(f"it answers {exchange.answer.status} {quoted(code)}", Status.WARNING)
    return ok()


@check(
    "unknown-client-authorize",
    "The authorization endpoint sends nobody to an unknown redirect URI",
    meaning="RFC 6749 §4.1.2.1: a page must say what is wrong. A redirect to a URI that nobody registered"
    " lends your name to anyone who made the link.",
    fix="Show an error page when client_id or redirect_uri is not known, and redirect only to registered"
    " URIs.",
)
def unknown_client_authorize(evidence: Evidence) -> Verdict:
    exchange = evidence.unknown_client_authorize
    if exchange is None:
        return skipped("there is no authorization_endpoint")
    if exchange.answer is None:
        return problem(f"{quoted(exchange.url.partition('?')[0])}: {exchange.trouble}")
    location = exchange.answer.header("location") or ""
    if location.startswith(UNKNOWN_REDIRECT):
        return problem(f"it redirects to {quoted(location)}")
    if exchange.answer.status in (404, 405) or exchange.answer.status >= 500:
        return problem(f"it answers {exchange.answer.status}")
    return ok(f"{exchange.answer.status}")


@check(
    "forwarded",
    "The authorization server believes the proxy in front of it about who asks",
    meaning="Limits count by the visitor's address. Where the proxy is not trusted, all who come through it"
    " share one limit: twenty wrong passwords by anybody keep everybody from logging in. Doorward says so;"
    " of other servers it cannot be seen.",
    fix="Set DOORWARD_TRUSTED_PROXIES of the authorization server to the network of the proxy, which its log"
    " names, and let the proxy remove whichever of X-Forwarded-For and Forwarded it does not write.",
    weight=Status.WARNING,
)
def forwarded(evidence: Evidence) -> Verdict:
    answer = evidence.unknown_client_token.answer if evidence.unknown_client_token else None
    believed = answer.header("doorward-forwarded") if answer else None
    if believed is None:
        return skipped("no proxy reported where the request came from, or the server does not tell")
    if believed != "believed":
        return problem("it ignores what the proxy reports")
    return ok()


CHECKS = (unknown_client_token, unknown_client_authorize, forwarded)
