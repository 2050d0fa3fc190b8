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
    fix='Answer a good code with 200, access_token and token_type "Bearer" as JSON.',
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
    "The token response holds no null",
    meaning="The TypeScript SDK rejects the response, and so the login, for one.",
    fix="Leave members without a value (refresh_token, scope) out of the token response.",
)
def token_nulls(evidence: Evidence) -> Verdict:
    tokens = _tokens(evidence)
    if tokens is None:
        return skipped(NOT_TRIED)
    names = null_members(tokens)
    return problem(f"{listed(names)} null") if names else ok()


@check(
    "token-no-store",
    "The token response is not to be stored",
    meaning="OAuth 2.1 §3.2.3: a cache on the way would give tokens to others.",
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
    "The token says how long it is good",
    meaning="With expires_in clients refresh in time; without it they meet a 401 first, or never refresh.",
    fix="Put expires_in, a number of seconds, into the token response.",
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
    "The granted scopes are within those asked for",
    meaning="OAuth 2.1 §3.2.3. What is granted beyond, the user did not see.",
    fix="Grant no scope that was not asked for, and return `scope` where it differs from the request.",
    weight=Status.WARNING,
)
def token_scope(evidence: Evidence) -> Verdict:
    tokens = _tokens(evidence)
    if tokens is None or evidence.login is None:
        return skipped(NOT_TRIED)
    granted = (text_member(tokens, "scope") or "").split()
    requested = evidence.login.request.get("scope", "").split()
    beyond = [scope for scope in granted if requested and scope not in requested]
    return problem(f"{listed(beyond)} was not asked for") if beyond else ok(quoted(" ".join(granted)))


@check(
    "refresh-token",
    "There is a refresh token",
    meaning="Without one the user logs in again whenever the access token ends.",
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
