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
    fix="Answer a registration with 201 and the client information; let anybody register, or name the"
    " doctor a client with --client-id.",
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
    "The registration comes back with the redirect URIs as sent",
    meaning="The TypeScript SDK requires `redirect_uris` in the response; mcp-remote drops a registration in"
    " which they differ.",
    fix="Return all registered metadata in the registration response, redirect URIs byte for byte as they"
    " came.",
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
    "The client can authenticate as it was registered",
    meaning="A server may choose another method than asked for; a client cannot use one that it does not"
    " know, nor a secret that it was not given.",
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
        return problem("client_secret_expires_at is missing beside client_secret", Status.WARNING)
    return ok(quoted(method or "none"))


@check(
    "register-nulls",
    "The registration response holds no null and no empty URL",
    meaning="The TypeScript SDK rejects the response, and so the registration, for one.",
    fix="Leave members without a value out of the registration response.",
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
    meaning="Each client has its own: web, loopback on any port, private-use schemes (RFC 8252 §7). With"
    " --profile they are registered as that client does.",
    fix="Accept the redirect URIs of that client: https, http on loopback hosts, and private-use schemes.",
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
    return problem(f"{listed(missing)} is not among those that come back") if missing else ok()


CHECKS = (register, register_echo, register_method, register_nulls, register_profile)
