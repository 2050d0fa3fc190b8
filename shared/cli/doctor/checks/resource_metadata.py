"""The metadata document of the MCP server (RFC 9728)."""

from __future__ import annotations

from urllib.parse import urlsplit

from shared.cli.doctor.documents import document_of, list_member, text_member, why_no_document
from shared.cli.doctor.evidence import Evidence, Place
from shared.cli.doctor.exchange import Exchange
from shared.cli.doctor.text import listed, quoted
from shared.cli.doctor.urls import is_web_url, same_origin
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped

ABSENT = "there is no protected resource metadata"


@check(
    "resource-metadata",
    "The protected resource metadata can be found",
    meaning="RFC 9728 §3: the metadata names the authorization server. Without it, only clients of MCP "
    "2025-03-26 can connect, and only if the MCP server is its own authorization server.",
    fix="Serve the JSON document of RFC 9728 at /.well-known/oauth-protected-resource, followed by the "
    "path of the MCP URL.",
)
def resource_metadata(evidence: Evidence) -> Verdict:
    if not evidence.resource_metadata:
        return skipped("the MCP server does not answer")
    for place, exchange in evidence.resource_metadata:
        if document_of(exchange) is not None:
            return ok(f"{place}: {quoted(exchange.url)}")
    _, first = evidence.resource_metadata[0]
    return problem(f"{quoted(first.url)} {why_no_document(first)}")


@check(
    "resource-metadata-path",
    "The metadata is at the well-known URL with the path of the MCP URL",
    meaning="RFC 9728 §3.1. Clients that do not read WWW-Authenticate try this URL first.",
    fix="Serve the protected resource metadata at /.well-known/oauth-protected-resource, followed by the "
    "path of the MCP URL, without authentication.",
    weight=Status.WARNING,
)
def resource_metadata_path(evidence: Evidence) -> Verdict:
    return _served(evidence, Place.PATH)


@check(
    "resource-metadata-root",
    "The metadata is also at the well-known URL at the root",
    meaning="Older clients try only this URL.",
    fix="Also serve the protected resource metadata at /.well-known/oauth-protected-resource.",
    weight=Status.WARNING,
)
def resource_metadata_root(evidence: Evidence) -> Verdict:
    return _served(evidence, Place.ROOT)


def _served(evidence: Evidence, wanted: Place) -> Verdict:
    exchanges = [exchange for place, exchange in evidence.resource_metadata if place is wanted]
    if not exchanges:
        return skipped("the MCP URL has no path" if evidence.resource_metadata else ABSENT)
    missing = [exchange for exchange in exchanges if document_of(exchange) is None]
    return problem(f"{quoted(missing[0].url)} {why_no_document(missing[0])}") if missing else ok()


@check(
    "resource-metadata-equal",
    "The metadata is the same at every URL",
    meaning="Clients read different URLs, so one client would work while another fails.",
    fix="Serve the same document at all URLs.",
)
def resource_metadata_equal(evidence: Evidence) -> Verdict:
    documents = [(place, item) for place, item in evidence.resource_metadata if document_of(item) is not None]
    if len(documents) < 2:
        return skipped("it is at one URL only" if documents else ABSENT)
    first = documents[0][1]
    differing = [(place, item) for place, item in documents if _content(item) != _content(first)]
    if not differing:
        return ok()
    # RFC 9728 §3.1: with several resources on a host, the document at the root may describe another one.
    only_root = all(place is Place.ROOT for place, _ in differing)
    return problem(_differ(first, differing[0][1]), Status.WARNING if only_root else None)


def _content(exchange: Exchange) -> dict[str, object]:
    document = document_of(exchange) or {}
    # RFC 9728 §3.3: each document announces the spelling in its URL, with or without a trailing slash.
    return {**document, "resource": str(document.get("resource")).removesuffix("/")}


def _differ(one: Exchange, other: Exchange) -> str:
    return f"{quoted(one.url)} and {quoted(other.url)} differ"


@check(
    "resource-match",
    "`resource` covers the MCP URL",
    meaning="RFC 9728 §3.3: clients must not use a document about another resource. They compare origin "
    "and path. Behind a proxy, `resource` is often the internal URL.",
    fix="Configure the public URL of the MCP server, so that `resource` in its metadata is the URL that "
    "people paste.",
)
def resource_match(evidence: Evidence) -> Verdict:
    document = evidence.resource_document
    if document is None:
        return skipped(ABSENT)
    resource = text_member(document, "resource")
    if resource is None:
        return problem("there is no `resource`")
    if not is_web_url(resource) or not _covers(resource, evidence.mcp_url):
        return problem(f"`resource` is {quoted(resource)}, but the MCP URL is {quoted(evidence.mcp_url)}")
    return ok(quoted(resource))


def _covers(resource: str, mcp_url: str) -> bool:
    """Compare like SDKs: same origin, and the same path or a parent, ignoring a trailing slash."""
    above, below = (f"{urlsplit(url).path.rstrip('/')}/" for url in (resource, mcp_url))
    return same_origin(resource.lower(), mcp_url.lower()) and below.startswith(above)


@check(
    "resource-exact",
    "`resource` is the MCP URL, byte for byte",
    meaning="VS Code accepts no other value. Paste exactly the URL in `resource`, or change `resource`.",
    fix="Set `resource` in the metadata to exactly the URL that people paste, including a trailing slash.",
    weight=Status.WARNING,
)
def resource_exact(evidence: Evidence) -> Verdict:
    resource = text_member(evidence.resource_document, "resource")
    if resource is None:
        return skipped("there is no `resource`")
    # Without a path, URL libraries add the slash, so both spellings are the same URL.
    at_root = urlsplit(evidence.mcp_url).path in ("", "/")
    same = resource == evidence.mcp_url or (at_root and resource.rstrip("/") == evidence.mcp_url.rstrip("/"))
    return (
        ok()
        if same
        else problem(f"`resource` is {quoted(resource)}, but the MCP URL is {quoted(evidence.mcp_url)}")
    )


@check(
    "authorization-servers",
    "The metadata names an authorization server",
    meaning="MCP 2025-11-25 requires `authorization_servers` with at least one issuer; clients use the "
    "first.",
    fix="Add the issuer URL of the authorization server to `authorization_servers`.",
)
def authorization_servers(evidence: Evidence) -> Verdict:
    document = evidence.resource_document
    if document is None:
        return skipped(ABSENT)
    servers = list_member(document, "authorization_servers")
    if not servers:
        return problem("`authorization_servers` is missing or empty")
    return (
        ok(listed(servers))
        if is_web_url(servers[0])
        else problem(f"{quoted(servers[0])} is not an absolute URL")
    )


@check(
    "offline-access",
    "The resource does not list offline_access",
    meaning="MCP 2026-07-28: offline_access concerns only the client and the authorization server. If a "
    "resource lists it, clients request it from servers that do not support it.",
    fix="Remove offline_access from `scopes_supported` of the protected resource and from the challenge. "
    "Only the authorization server should list it.",
    weight=Status.WARNING,
)
def offline_access(evidence: Evidence) -> Verdict:
    challenged = (evidence.challenge.parameters.get("scope") or "").split() if evidence.challenge else []
    listed_scopes = list_member(evidence.resource_document, "scopes_supported") or []
    if "offline_access" in listed_scopes:
        return problem("`scopes_supported` of the protected resource lists it")
    return problem("the challenge lists it") if "offline_access" in challenged else ok()


@check(
    "bearer-methods",
    "Tokens are accepted in the header",
    meaning="MCP clients send the token only in the Authorization header.",
    fix='Add "header" to `bearer_methods_supported`, or omit the member.',
    weight=Status.WARNING,
)
def bearer_methods(evidence: Evidence) -> Verdict:
    if evidence.resource_document is None:
        return skipped(ABSENT)
    methods = list_member(evidence.resource_document, "bearer_methods_supported")
    if methods is None or "header" in methods:
        return ok()
    return problem(f"`bearer_methods_supported` is {listed(methods) or 'empty'}")


CHECKS = (
    resource_metadata,
    resource_metadata_path,
    resource_metadata_root,
    resource_metadata_equal,
    resource_match,
    resource_exact,
    authorization_servers,
    offline_access,
    bearer_methods,
)
