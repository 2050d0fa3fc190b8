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
    "Refreshing gives a token that works",
    meaning="OAuth 2.1 §4.3. Clients do it in the background; when it fails the user is logged out for no"
    " reason.",
    fix="Let the refresh_token grant issue an access token for the same resource and scopes.",
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
        else problem(f"the MCP server answers {call and call.status} to it")
    )


@check(
    "refresh-rotation",
    "A public client gets a new refresh token each time",
    meaning="OAuth 2.1 §4.3.1: one that is stolen is found out when both are used.",
    fix="Rotate refresh tokens of public clients.",
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
    return problem("it is the same again") if after == before else ok()


@check(
    "refresh-replay",
    "A refresh that is repeated at once does no harm",
    meaning="Clients refresh from several processes, and again when the answer got lost. A server that takes"
    " that for theft logs the user out.",
    fix="Accept the previous refresh token again for some seconds after it was used.",
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
        return problem("the user is logged out by it")
    return ok() if document_of(login.replay) else problem(refusal(login.replay))


@check(
    "revoke",
    "Revoking is answered with 200",
    meaning="RFC 7009 §2.2.",
    fix="Answer a client that revokes its own token with 200.",
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
    meaning="Who disconnects expects the access to end. Tokens that are only verified by signature live"
    " on until they expire.",
    fix="Let the MCP server ask whether a token still holds (RFC 7662), or keep access tokens very short.",
    weight=Status.WARNING,
)
def revoke_effective(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.after_revocation is None or not _worked(login):
        return skipped("no token that worked was revoked")
    if login.dead_refresh is not None and login.dead_refresh.status == 200:
        return problem("the refresh token still gives access")
    status = login.after_revocation.status
    return ok() if status == 401 else problem(f"seconds after it was revoked it is answered with {status}")


def _worked(login: Login) -> bool:
    """Check whether the access token had been accepted before it was revoked."""
    last = login.survived or login.stepped_up or login.initialize
    return last is not None and last.status == 200


@check(
    "dead-refresh",
    "A refresh token that no longer holds is answered with invalid_grant",
    meaning="RFC 6749 §5.2: on it clients log in again; on anything else Claude keeps trying.",
    fix="Answer a refresh token that is revoked or expired with 400 and the JSON error invalid_grant.",
    weight=Status.WARNING,
)
def dead_refresh(evidence: Evidence) -> Verdict:
    login = evidence.login
    exchange = login.dead_refresh if login else None
    if login is None or exchange is None or document_of(login.refresh) is None:
        return skipped("no refresh token that worked was revoked")
    if exchange.status == 200:
        return skipped("it still holds")
    code = text_member(object_of(exchange), "error")
    return ok() if exchange.status == 400 and code == "invalid_grant" else problem(refusal(exchange))


CHECKS = (refresh, refresh_rotation, refresh_replay, revoke, revoke_effective, dead_refresh)
