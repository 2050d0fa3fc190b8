"""The lifetime of tokens: refresh, concurrent refresh, revocation (OAuth 2.1 §4.3, RFC 7009)."""

from __future__ import annotations

from urllib.parse import parse_qsl

from shared.cli.doctor.checks.registration import refusal
from shared.cli.doctor.documents import document_of, object_of, text_member
from shared.cli.doctor.evidence import Evidence, Login
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped

NO_REFRESH = "there is no refresh token, or it was refused"


@check(
    "refresh",
    "A refreshed token works",
    meaning="OAuth 2.1 §4.3. Clients refresh in the background. If refreshing fails, the user is logged "
    "out without a reason.",
    fix="Issue an access token for the same resource and scopes in the refresh_token grant.",
)
def refresh(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.refresh is None:
        return skipped("there is no refresh token")
    if text_member(document_of(login.refresh), "access_token") is None:
        return problem(refusal(login.refresh))
    if login.initialize is not None and login.initialize.status != 200:
        return skipped("the MCP server refuses the first token, too")
    call = login.refreshed_call
    return (
        ok()
        if call and call.status == 200
        else problem(f"the MCP server answers it with {call and call.status}")
    )


@check(
    "refresh-rotation",
    "A public client gets a new refresh token at each refresh",
    meaning=(
        "OAuth 2.1 §4.3.1: with rotation, the server detects a stolen refresh token when it is used a "
        "second time."
    ),
    fix="Rotate the refresh tokens of public clients.",
    weight=Status.WARNING,
)
def refresh_rotation(evidence: Evidence) -> Verdict:
    login = evidence.login
    refreshed = document_of(login.refresh) if login else None
    if login is None or login.refresh is None or refreshed is None:
        return skipped(NO_REFRESH)
    if text_member(document_of(login.registration), "client_secret"):
        return skipped("the client has a secret")
    before = dict(parse_qsl(login.refresh.request.body.decode()))["refresh_token"]
    after = text_member(refreshed, "refresh_token") or before
    return problem("the refresh token stays the same") if after == before else ok()


@check(
    "refresh-replay",
    "A refresh can be repeated at once",
    meaning="Clients refresh in several processes at once, and again if a response was lost. A server "
    "that treats this as theft logs the user out.",
    fix="Accept the previous refresh token for some seconds after its use.",
    weight=Status.WARNING,
)
def refresh_replay(evidence: Evidence) -> Verdict:
    login = evidence.login
    if (
        login is None
        or login.replay is None
        or login.refreshed_call is None
        or login.refreshed_call.status != 200
    ):
        return skipped(NO_REFRESH)
    if login.survived is not None and login.survived.status != 200:
        return problem("the grant is revoked")
    return ok() if document_of(login.replay) else problem(refusal(login.replay))


@check(
    "revoke",
    "Revocation is answered with 200",
    meaning="RFC 7009 §2.2.",
    fix="Answer with 200 when a client revokes its own token.",
    weight=Status.WARNING,
)
def revoke(evidence: Evidence) -> Verdict:
    revocations = evidence.login.revocations if evidence.login else []
    if not revocations:
        return skipped("there is nothing to revoke, or no revocation_endpoint")
    bad = [exchange for exchange in revocations if exchange.status != 200]
    return problem(refusal(bad[0])) if bad else ok()


@check(
    "revoke-effective",
    "A revoked token is refused",
    meaning="Users expect a disconnected client to lose access at once. Tokens that are verified only by "
    "signature stay valid until they expire.",
    fix=(
        "Introspect tokens in the MCP server (RFC 7662), or issue access tokens with a very short lifetime."
    ),
    weight=Status.WARNING,
)
def revoke_effective(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.after_revocation is None or not _worked(login):
        return skipped("no working token was revoked")
    if login.dead_refresh is not None and login.dead_refresh.status == 200:
        return problem("the refresh token still gives access")
    status = login.after_revocation.status
    return (
        ok()
        if status == 401
        else problem(f"seconds after its revocation, the token is answered with {status}")
    )


def _worked(login: Login) -> bool:
    """Check whether the access token had been accepted before it was revoked."""
    last = login.survived or login.stepped_up or login.initialize
    return last is not None and last.status == 200


@check(
    "dead-refresh",
    "An invalid refresh token is refused with invalid_grant",
    meaning=(
        "RFC 6749 §5.2: after invalid_grant, clients log in again. After other errors, Claude keeps trying."
    ),
    fix="Answer a revoked or expired refresh token with 400 and the error invalid_grant in JSON.",
    weight=Status.WARNING,
)
def dead_refresh(evidence: Evidence) -> Verdict:
    login = evidence.login
    exchange = login.dead_refresh if login else None
    if login is None or exchange is None or document_of(login.refresh) is None:
        return skipped("no working refresh token was revoked")
    if exchange.status == 200:
        return skipped("it still works")
    code = text_member(object_of(exchange), "error")
    return ok() if exchange.status == 400 and code == "invalid_grant" else problem(refusal(exchange))


CHECKS = (refresh, refresh_rotation, refresh_replay, revoke, revoke_effective, dead_refresh)
