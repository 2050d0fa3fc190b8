"""The registration response (RFC 7591 §3.2.1)."""

from __future__ import annotations

from shared.cli.doctor.documents import (
    Document,
    credential_member,
    document_of,
    list_member,
    null_members,
    object_of,
    text_member,
    url_members,
)
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.exchange import Exchange
from shared.cli.doctor.profiles import PORT
from shared.cli.doctor.text import listed, quoted
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped

NOT_TRIED = "no client was registered"
USABLE_METHODS = ("none", "client_secret_basic", "client_secret_post")


def refusal(exchange: Exchange) -> str:
    """Describe an error response: its status, and the OAuth error in it."""
    if exchange.answer is None:
        return f"{quoted(exchange.url.partition('?')[0])}: {exchange.trouble}"
    document = object_of(exchange)
    errors = [
        quoted(text) for name in ("error", "error_description") if (text := text_member(document, name))
    ]
    return " ".join((f"it answers {exchange.answer.status}", *errors))


def _registered(evidence: Evidence) -> Document | None:
    return document_of(evidence.login.registration) if evidence.login else None


@check(
    "register",
    "A client can register",
    meaning="RFC 7591 §3.2.1: 201 with a client_id.",
    fix="Answer a registration with 201 and the client information. If registration is restricted, give "
    "the doctor a registered client with --client-id.",
)
def register(evidence: Evidence) -> Verdict:
    exchange = evidence.login.registration if evidence.login else None
    if exchange is None:
        return skipped(NOT_TRIED)
    if credential_member(document_of(exchange), "client_id") is None:
        return problem(refusal(exchange))
    if exchange.status != 201:
        return problem(f"it answers {exchange.status}, not 201", Status.WARNING)
    return ok()


@check(
    "register-echo",
    "The registration response contains the redirect URIs unchanged",
    meaning="The TypeScript SDK requires `redirect_uris` in the response; mcp-remote discards a "
    "registration with different ones.",
    fix="Return all registered metadata in the registration response, with unchanged redirect URIs.",
)
def register_echo(evidence: Evidence) -> Verdict:
    registered = _registered(evidence)
    if registered is None or evidence.login is None:
        return skipped(NOT_TRIED)
    echoed, sent = list_member(registered, "redirect_uris"), evidence.login.sent["redirect_uris"]
    if echoed == sent:
        return ok()
    return problem(
        "`redirect_uris` is missing" if echoed is None else f"sent {listed(sent)}, got {listed(echoed)}"
    )


@check(
    "register-method",
    "The client supports the registered authentication method",
    meaning="A server may register another method than requested. A client cannot use an unknown method, "
    "or a method with a secret that it did not get.",
    fix="Register clients with token_endpoint_auth_method none, or with client_secret_basic or"
    " client_secret_post and a client_secret.",
)
def register_method(evidence: Evidence) -> Verdict:
    registered = _registered(evidence)
    if registered is None:
        return skipped(NOT_TRIED)
    method, secret = (
        text_member(registered, name) for name in ("token_endpoint_auth_method", "client_secret")
    )
    if method is not None and method not in USABLE_METHODS:
        return problem(f"token_endpoint_auth_method is {quoted(method)}")
    if method not in (None, "none") and secret is None:
        return problem(f"token_endpoint_auth_method is {quoted(method)}, but there is no client_secret")
    if secret is not None and "client_secret_expires_at" not in registered:
        return problem("client_secret is sent without client_secret_expires_at", Status.WARNING)
    return ok(quoted(method or "none"))


@check(
    "register-nulls",
    "The registration response contains no null and no empty URL",
    meaning="The TypeScript SDK rejects such a response, and the registration fails.",
    fix="Omit members without a value from the registration response.",
)
def register_nulls(evidence: Evidence) -> Verdict:
    registered = _registered(evidence)
    if registered is None:
        return skipped(NOT_TRIED)
    if names := null_members(registered):
        return problem(f"{listed(names)} null")
    empty = [name for name, value in url_members(registered) if value == ""]
    return problem(f"{listed(empty)} empty") if empty else ok()


@check(
    "register-profile",
    "The redirect URIs of the client are accepted",
    meaning="Clients use https, loopback on any port, or private-use schemes (RFC 8252 §7). With "
    "--profile, the doctor registers the redirect URIs of that client.",
    fix="Accept https redirect URIs, http on loopback hosts, and private-use schemes.",
)
def register_profile(evidence: Evidence) -> Verdict:
    exchange = evidence.login.profile_registration if evidence.login else None
    if exchange is None or evidence.profile is None:
        return skipped("no profile was chosen" if evidence.profile is None else NOT_TRIED)
    document = document_of(exchange)
    if text_member(document, "client_id") is None:
        return problem(f"{refusal(exchange)} to {listed(evidence.profile.redirect_uris)}")
    echoed = list_member(document, "redirect_uris") or []
    missing = [uri for uri in evidence.profile.redirect_uris if PORT not in uri and uri not in echoed]
    return problem(f"the response lacks {listed(missing)}") if missing else ok()


CHECKS = (register, register_echo, register_method, register_nulls, register_profile)
