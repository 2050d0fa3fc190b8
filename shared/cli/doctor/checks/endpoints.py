"""Responses of the endpoints to an unknown client, which every client is after a reset of the server."""

from __future__ import annotations

from shared.cli.doctor.documents import object_of, text_member
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.messages import UNKNOWN_REDIRECT
from shared.cli.doctor.text import quoted
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped


@check(
    "unknown-client-token",
    "The token endpoint refuses an unknown client with invalid_client",
    meaning="RFC 6749 §5.2. After invalid_client, clients discard a deleted registration and register "
    "again. After other errors, the user must reset the client.",
    fix="Answer an unknown client_id at the token endpoint with 401 and the error invalid_client in JSON.",
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
    "The authorization endpoint does not redirect to unknown URIs",
    meaning="RFC 6749 §4.1.2.1: the server must show an error page. Redirects to unregistered URIs let "
    "attackers use your server for phishing links.",
    fix="Show an error page if client_id or redirect_uri is unknown, and redirect only to registered URIs.",
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
    "The authorization server trusts the proxy in front of it",
    meaning="Rate limits apply to each client address. If the proxy is not trusted, all its users share "
    "one limit: twenty wrong passwords by one user block the login of all others. Only Doorward "
    "reports this; other servers cannot be checked.",
    fix="Set DOORWARD_TRUSTED_PROXIES of the authorization server to the network of the proxy, which the "
    "log of the server contains. Configure the proxy to write X-Forwarded-For or Forwarded and to "
    "remove the other.",
    weight=Status.WARNING,
)
def forwarded(evidence: Evidence) -> Verdict:
    answer = evidence.unknown_client_token.answer if evidence.unknown_client_token else None
    believed = answer.header("doorward-forwarded") if answer else None
    if believed is None:
        return skipped("no proxy is in use, or the server does not report it")
    if believed != "believed":
        return problem("it ignores the address that the proxy reports")
    return ok()


CHECKS = (unknown_client_token, unknown_client_authorize, forwarded)
