"""The token response (OAuth 2.1 §3.2.3)."""

from __future__ import annotations

from shared.cli.doctor.checks.registration import refusal
from shared.cli.doctor.documents import (
    Document,
    credential_member,
    document_of,
    null_members,
    text_member,
)
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.text import listed, quoted
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped

NOT_TRIED = "there is no token"


def _tokens(evidence: Evidence) -> Document | None:
    return document_of(evidence.login.token) if evidence.login else None


@check(
    "token",
    "The code is redeemed for a bearer token",
    meaning="OAuth 2.1 §3.2.3: 200 with access_token and token_type.",
    fix='Answer a valid code with 200 and JSON that contains access_token and token_type "Bearer".',
)
def token(evidence: Evidence) -> Verdict:
    exchange = evidence.login.token if evidence.login else None
    if exchange is None:
        return skipped("there is no code")
    tokens = document_of(exchange)
    if tokens is None:
        return problem(refusal(exchange))
    if credential_member(tokens, "access_token") is None:
        return problem("access_token is missing, or cannot be sent in a header")
    kind = text_member(tokens, "token_type") or ""
    return ok() if kind.lower() == "bearer" else problem(f"token_type is {quoted(kind)}")


@check(
    "token-nulls",
    "The token response contains no null",
    meaning="The TypeScript SDK rejects such a response, and the login fails.",
    fix="Omit members without a value (refresh_token, scope) from the token response.",
)
def token_nulls(evidence: Evidence) -> Verdict:
    tokens = _tokens(evidence)
    if tokens is None:
        return skipped(NOT_TRIED)
    names = null_members(tokens)
    return problem(f"{listed(names)} null") if names else ok()


@check(
    "token-no-store",
    "The token response must not be cached",
    meaning="OAuth 2.1 §3.2.3: a cache could return tokens to other clients.",
    fix="Send Cache-Control: no-store with every token response.",
    weight=Status.WARNING,
)
def token_no_store(evidence: Evidence) -> Verdict:
    exchange = evidence.login.token if evidence.login else None
    if exchange is None or exchange.answer is None:
        return skipped(NOT_TRIED)
    control = exchange.answer.header("cache-control") or ""
    return ok() if "no-store" in control.lower() else problem(f"Cache-Control is {quoted(control)}")


@check(
    "token-expiry",
    "The token response contains the lifetime",
    meaning=(
        "With expires_in, clients refresh in time. Without it, they refresh only after a 401, or never."
    ),
    fix="Add expires_in, in seconds, to the token response.",
    weight=Status.WARNING,
)
def token_expiry(evidence: Evidence) -> Verdict:
    tokens = _tokens(evidence)
    if tokens is None:
        return skipped(NOT_TRIED)
    value = tokens.get("expires_in")
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return ok(f"{value} s")
    return problem("it is missing" if value is None else f"expires_in is {quoted(value)}")


@check(
    "token-scope",
    "Only requested scopes are granted",
    meaning="OAuth 2.1 §3.2.3. The user did not see other scopes.",
    fix="Grant only requested scopes, and return `scope` if it differs from the request.",
    weight=Status.WARNING,
)
def token_scope(evidence: Evidence) -> Verdict:
    tokens = _tokens(evidence)
    if tokens is None or evidence.login is None:
        return skipped(NOT_TRIED)
    granted = (text_member(tokens, "scope") or "").split()
    requested = evidence.login.request.get("scope", "").split()
    beyond = [scope for scope in granted if requested and scope not in requested]
    return problem(f"{listed(beyond)} was not requested") if beyond else ok(quoted(" ".join(granted)))


@check(
    "refresh-token",
    "There is a refresh token",
    meaning="Without a refresh token, the user must log in again whenever the access token expires.",
    fix="Issue a refresh token to clients that register the refresh_token grant or are granted"
    " offline_access.",
    weight=Status.WARNING,
)
def refresh_token(evidence: Evidence) -> Verdict:
    tokens = _tokens(evidence)
    if tokens is None:
        return skipped(NOT_TRIED)
    return ok() if text_member(tokens, "refresh_token") else problem("there is none")


CHECKS = (token, token_nulls, token_no_store, token_expiry, token_scope, refresh_token)
