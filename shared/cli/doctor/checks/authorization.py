"""The authorization request and its response (OAuth 2.1 §4.1, RFC 9207, RFC 8252 §7.3, RFC 8707)."""

from __future__ import annotations

from shared.cli.doctor.documents import text_member
from shared.cli.doctor.evidence import Evidence, Login
from shared.cli.doctor.exchange import Exchange
from shared.cli.doctor.text import printable, quoted
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped

NOT_TRIED = "there was no login"


def _refused(exchange: Exchange, login: Login) -> bool:
    """Check whether an authorization request is refused at once, by a page or by a redirect with an error."""
    if exchange.answer is None or exchange.answer.status >= 400:
        return True
    location = exchange.answer.header("location") or ""
    return "error=" in location.partition("?")[2]


@check(
    "loopback-port",
    "A loopback redirect may have any port",
    meaning="RFC 8252 §7.3: programs on a user's machine take the port that is free when they start, another"
    " one each time.",
    fix="Compare redirect URIs of 127.0.0.1, [::1] and localhost without their port.",
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
        return problem(f"registered is {quoted(login.redirect_uri)}; another port is refused")
    return ok()


@check(
    "resource-spelling",
    "The resource is known in the spellings that clients send",
    meaning="Claude sends `resource` in lower case without a trailing slash, others put one on. Refused, they"
    " end in invalid_target.",
    fix="Compare `resource` regardless of the case of scheme and host and of one trailing slash.",
    weight=Status.WARNING,
)
def resource_spelling(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.authorize is None or login.other_resource is None:
        return skipped(NOT_TRIED)
    if _refused(login.authorize, login):
        return skipped("the request is refused as it is")
    return problem("another spelling is refused") if _refused(login.other_resource, login) else ok()


@check(
    "authorize",
    "The login ends at the redirect URI with a code",
    meaning="OAuth 2.1 §4.1.2.",
    fix="See the log of the authorization server for why it refuses, and the page it showed.",
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
    "`state` comes back as it was sent",
    meaning="OAuth 2.1 §4.1.2. Without it a client cannot tell its own answer from one that was planted, and"
    " refuses it.",
    fix="Return `state` in every authorization response, byte for byte.",
)
def state(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.returned is None:
        return skipped(NOT_TRIED)
    returned = login.returned.get("state")
    if returned == login.request["state"]:
        return ok()
    return problem("it is missing" if returned is None else "it is another one")


@check(
    "iss-answer",
    "`iss` in the answer is the issuer",
    meaning="RFC 9207 §2.4: clients hold it against the issuer in the metadata as a string, and refuse the"
    " answer when it differs, or is missing though announced.",
    fix="Send `iss` in every authorization response, the same string as `issuer` in the metadata.",
)
def iss_answer(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.returned is None:
        return skipped(NOT_TRIED)
    returned = login.returned.get("iss")
    expected = text_member(evidence.server_document, "issuer")
    announced = (evidence.server_document or {}).get("authorization_response_iss_parameter_supported") is True
    if returned is None:
        return problem("it is announced, and missing") if announced else ok("neither announced nor sent")
    return (
        ok()
        if returned == expected
        else problem(f"it is {quoted(returned)}, the issuer {quoted(expected or '')}")
    )


CHECKS = (loopback_port, resource_spelling, authorize, state, iss_answer)
