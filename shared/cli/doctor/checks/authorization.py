"""The authorization request and its response (OAuth 2.1 §4.1, RFC 9207, RFC 8252 §7.3, RFC 8707)."""

from __future__ import annotations

from shared.cli.doctor.documents import text_member
from shared.cli.doctor.evidence import Evidence, Login
from shared.cli.doctor.exchange import Exchange
from shared.cli.doctor.text import printable, quoted
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped

NOT_TRIED = "no login took place"


def _refused(exchange: Exchange, login: Login) -> bool:
    """Check whether an authorization request is refused at once, by a page or by a redirect with an error."""
    if exchange.answer is None or exchange.answer.status >= 400:
        return True
    location = exchange.answer.header("location") or ""
    return "error=" in location.partition("?")[2]


@check(
    "loopback-port",
    "A loopback redirect may have any port",
    meaning="RFC 8252 §7.3: native apps listen on any free port, which changes with each login.",
    fix="Ignore the port when comparing redirect URIs on 127.0.0.1, [::1] and localhost.",
    weight=Status.WARNING,
)
def loopback_port(evidence: Evidence) -> Verdict:
    login = evidence.login
    if (
        login is None
        or login.authorize is None
        or login.other_port is None
        or _refused(login.authorize, login)
    ):
        return skipped(NOT_TRIED)
    if _refused(login.other_port, login):
        return problem(f"{quoted(login.redirect_uri)} is registered; another port is refused")
    return ok()


@check(
    "resource-spelling",
    "The server accepts the resource as clients spell it",
    meaning="Claude sends `resource` in lower case without a trailing slash; other clients add a slash. "
    "If the server refuses these spellings, the login fails with invalid_target.",
    fix="Ignore a trailing slash, and the case of scheme and host, when comparing `resource`.",
    weight=Status.WARNING,
)
def resource_spelling(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.authorize is None or login.other_resource is None:
        return skipped(NOT_TRIED)
    if _refused(login.authorize, login):
        return skipped("the request is refused even with the exact spelling")
    return problem("another spelling is refused") if _refused(login.other_resource, login) else ok()


@check(
    "authorize",
    "The login ends at the redirect URI with a code",
    meaning="OAuth 2.1 §4.1.2.",
    fix="See the error page and the log of the authorization server.",
)
def authorize(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.authorize is None:
        return skipped(NOT_TRIED)
    if login.returned is None:
        return problem(printable(login.refused))
    if "code" not in login.returned:
        errors = [
            quoted(login.returned[name]) for name in ("error", "error_description") if name in login.returned
        ]
        return problem(" ".join(errors))
    return ok()


@check(
    "state",
    "`state` is returned unchanged",
    meaning="OAuth 2.1 §4.1.2. Clients refuse a response without their `state`, because somebody else "
    "could have planted it.",
    fix="Return `state` in every authorization response, byte for byte.",
)
def state(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.returned is None:
        return skipped(NOT_TRIED)
    returned = login.returned.get("state")
    if returned == login.request["state"]:
        return ok()
    return problem("it is missing" if returned is None else "it has changed")


@check(
    "iss-answer",
    "`iss` in the authorization response is the issuer",
    meaning="RFC 9207 §2.4: clients compare it with the issuer in the metadata as a string, and refuse "
    "the response if it differs, or if it is announced but missing.",
    fix="Send `iss` in every authorization response, exactly equal to `issuer` in the metadata.",
)
def iss_answer(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.returned is None:
        return skipped(NOT_TRIED)
    returned = login.returned.get("iss")
    expected = text_member(evidence.server_document, "issuer")
    announced = (evidence.server_document or {}).get("authorization_response_iss_parameter_supported") is True
    if returned is None:
        return (
            problem("it is announced, but missing") if announced else ok("it is neither announced nor sent")
        )
    return (
        ok()
        if returned == expected
        else problem(f"it is {quoted(returned)}, the issuer {quoted(expected or '')}")
    )


CHECKS = (loopback_port, resource_spelling, authorize, state, iss_answer)
