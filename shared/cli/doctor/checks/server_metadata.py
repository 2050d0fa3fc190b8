"""The metadata document of the authorization server (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

from urllib.parse import urlsplit

from shared.cli.doctor.documents import Document, document_of, list_member, text_member, why_no_document
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.exchange import Exchange
from shared.cli.doctor.text import listed, quoted
from shared.cli.doctor.urls import is_web_url
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped
from shared.well_known import OPENID_CONFIGURATION

ABSENT = "there is no authorization server metadata"
OPENID_REQUIRED = ("jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported")


@check(
    "server-metadata",
    "The authorization server metadata can be found",
    meaning="RFC 8414 §3. The metadata contains the URLs for registration, login and tokens.",
    fix="Serve the JSON document of RFC 8414 at /.well-known/oauth-authorization-server, followed by the"
    " path of the issuer if it has one.",
)
def server_metadata(evidence: Evidence) -> Verdict:
    if not evidence.server_metadata:
        return skipped("no authorization server is known")
    for exchange in evidence.server_metadata:
        if document_of(exchange) is not None:
            return ok(quoted(exchange.url))
    first = evidence.server_metadata[0]
    return problem(f"{quoted(first.url)} {why_no_document(first)}")


@check(
    "server-metadata-places",
    "The metadata is at every URL that clients try",
    meaning="SDKs try the URL of RFC 8414 first. For an issuer with a path, OpenID discovery has two "
    "URLs, and older clients try only one of them.",
    fix="Also serve the metadata at that URL.",
    weight=Status.WARNING,
)
def server_metadata_places(evidence: Evidence) -> Verdict:
    if evidence.server_document is None:
        return skipped(ABSENT)
    openid = [item for item in evidence.server_metadata if OPENID_CONFIGURATION in item.url]
    # A server without OpenID Connect need not serve its discovery document; one with it must, at both places.
    needed = [evidence.server_metadata[0], *(openid if any(map(document_of, openid)) else [])]
    missing = [exchange for exchange in needed if document_of(exchange) is None]
    if not missing:
        return ok()
    return problem(", ".join(f"{quoted(item.url)} {why_no_document(item)}" for item in missing))


@check(
    "server-metadata-equal",
    "The documents do not contradict each other",
    meaning="Otherwise a client could register at one endpoint and log in at another.",
    fix="Use the same values in all documents.",
)
def server_metadata_equal(evidence: Evidence) -> Verdict:
    documents = [(item.url, document) for item in evidence.server_metadata if (document := document_of(item))]
    if len(documents) < 2:
        return skipped("there is only one document" if documents else ABSENT)
    (first, reference), *others = documents
    for url, document in others:
        if different := _different(reference, document):
            return problem(f"{quoted(first)} and {quoted(url)} differ in {listed(different)}")
    return ok()


def _different(one: Document, other: Document) -> list[str]:
    return [name for name in one if name in other and _value(one[name]) != _value(other[name])]


def _value(value: object) -> object:
    """Normalize a value: arrays in the metadata are sets, so their order does not matter."""
    return sorted(map(str, value)) if isinstance(value, list) else value


@check(
    "openid-complete",
    "OpenID discovery, if present, is complete",
    meaning="OpenID Connect Discovery §3 requires more members than RFC 8414; the TypeScript SDK rejects a"
    " document without them.",
    fix="Add jwks_uri, subject_types_supported and id_token_signing_alg_values_supported to the OpenID "
    "discovery document, or remove the document.",
    weight=Status.WARNING,
)
def openid_complete(evidence: Evidence) -> Verdict:
    documents = [
        (exchange, document)
        for exchange in evidence.server_metadata
        if OPENID_CONFIGURATION in exchange.url and (document := document_of(exchange))
    ]
    if not documents:
        return skipped("there is no OpenID discovery")
    for exchange, document in documents:
        if missing := [name for name in OPENID_REQUIRED if name not in document]:
            only = document_of(evidence.server_metadata[0]) is None
            return problem(
                f"{quoted(exchange.url)} lacks {', '.join(missing)}", Status.FAILURE if only else None
            )
    return ok()


@check(
    "issuer",
    "`issuer` is exactly the issuer that the resource names",
    meaning="RFC 8414 §3.3: clients compare the strings, including a trailing slash, and must not use "
    "metadata with another issuer.",
    fix="Use the same string for `issuer` in the metadata and in `authorization_servers`, including a "
    "trailing slash.",
)
def issuer(evidence: Evidence) -> Verdict:
    document = evidence.server_document
    if document is None:
        return skipped(ABSENT)
    announced = text_member(document, "issuer")
    if announced is None:
        return problem("there is no `issuer`")
    if announced != _expected_issuer(evidence, announced):
        return problem(
            f"`issuer` is {quoted(announced)}, looked up was {quoted(evidence.named_issuer or '')}"
        )
    return ok(quoted(announced))


def _expected_issuer(evidence: Evidence, announced: str) -> str | None:
    named = evidence.named_issuer
    if named is not None and evidence.resource_document is None and not urlsplit(named).path:
        # 2025-03-26: the issuer is the origin of the MCP server, with or without the slash of the root.
        return announced if announced.rstrip("/") == named else named
    return named


@check(
    "server-members",
    "The metadata contains the endpoints and the code flow",
    meaning="RFC 8414 §2: clients need issuer, authorization_endpoint, token_endpoint and "
    "response_types_supported.",
    fix="Add authorization_endpoint and token_endpoint, as absolute URLs, and response_types_supported "
    'with "code" to the metadata.',
)
def server_members(evidence: Evidence) -> Verdict:
    document = evidence.server_document
    if document is None:
        return skipped(ABSENT)
    lacking = [
        name for name in ("authorization_endpoint", "token_endpoint") if not is_web_url(document.get(name))
    ]
    if "code" not in (list_member(document, "response_types_supported") or []):
        lacking.append('response_types_supported with "code"')
    return problem(f"it lacks {', '.join(lacking)}") if lacking else ok()


@check(
    "legacy",
    "Clients of MCP 2025-03-26 find the authorization server",
    meaning="That revision does not have protected resource metadata. Its clients look for RFC 8414 "
    "metadata at the origin of the MCP server.",
    fix="Also serve the metadata of the authorization server at /.well-known/oauth-authorization-server "
    "on the origin of the MCP server.",
    weight=Status.WARNING,
)
def legacy(evidence: Evidence) -> Verdict:
    exchange = evidence.legacy_metadata
    if exchange is None:
        return skipped("the MCP server does not answer")
    document = document_of(exchange)
    if document is None:
        return problem(f"{quoted(exchange.url)} {why_no_document(exchange)}")
    return _leads_to(evidence, exchange, document)


def _leads_to(evidence: Evidence, exchange: Exchange, document: Document) -> Verdict:
    announced = text_member(document, "issuer")
    if evidence.server_document is None or announced == text_member(evidence.server_document, "issuer"):
        return ok()
    return problem(f"{quoted(exchange.url)} names another issuer, {quoted(announced or '')}")


CHECKS = (
    server_metadata,
    server_metadata_places,
    server_metadata_equal,
    openid_complete,
    issuer,
    server_members,
    legacy,
)
