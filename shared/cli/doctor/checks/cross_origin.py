"""Rules for clients that run in a browser, such as the MCP Inspector (the Fetch standard, §3.2)."""

from __future__ import annotations

from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.exchange import Answer, Exchange
from shared.cli.doctor.messages import BROWSER_HEADERS, BROWSER_ORIGIN, ENDPOINT_HEADERS
from shared.cli.doctor.text import quoted
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped


def _listed(answer: Answer, name: str) -> set[str]:
    return {item.strip().lower() for item in (answer.header(name) or "").split(",")}


def _allows_origin(answer: Answer) -> bool:
    return answer.header("access-control-allow-origin") in ("*", BROWSER_ORIGIN)


def _preflight_fault(exchange: Exchange, headers: tuple[str, ...]) -> str | None:
    """Explain why the preflight response keeps a browser from sending the POST; None if it does not."""
    answer = exchange.answer
    if answer is None:
        return f"OPTIONS: {exchange.trouble}"
    if not 200 <= answer.status < 300:
        return f"OPTIONS is answered with {answer.status}"
    if not _allows_origin(answer):
        return "Access-Control-Allow-Origin does not allow the page"
    if not {"post", "*"} & _listed(answer, "access-control-allow-methods"):
        return "Access-Control-Allow-Methods lacks POST"
    allowed = _listed(answer, "access-control-allow-headers")
    # Fetch §4.8: the wildcard never covers Authorization.
    lacking = [
        name for name in headers if name not in allowed and (name == "authorization" or "*" not in allowed)
    ]
    return f"Access-Control-Allow-Headers lacks {', '.join(lacking)}" if lacking else None


@check(
    "cors-preflight",
    "Web pages may call the MCP server",
    meaning="A browser sends OPTIONS without a token before the request.",
    fix="Answer OPTIONS at the MCP endpoint without requiring a token. Allow the origin, POST, and the "
    "headers Authorization, Content-Type, Mcp-Protocol-Version and Mcp-Session-Id.",
    weight=Status.WARNING,
)
def cors_preflight(evidence: Evidence) -> Verdict:
    if evidence.preflight is None:
        return skipped("the MCP server does not answer")
    fault = _preflight_fault(evidence.preflight, BROWSER_HEADERS)
    return problem(fault) if fault else ok()


@check(
    "cors-challenge",
    "Web pages may read the challenge",
    meaning=(
        "Otherwise the browser hides the 401 and its header from the client, which sees a network error."
    ),
    fix="Send Access-Control-Allow-Origin in every response of the MCP endpoint, including the 401, and "
    "list WWW-Authenticate and Mcp-Session-Id in Access-Control-Expose-Headers.",
    weight=Status.WARNING,
)
def cors_challenge(evidence: Evidence) -> Verdict:
    exchange = evidence.cross_origin
    if exchange is None or exchange.answer is None:
        return skipped("the MCP server does not answer")
    if exchange.answer.status == 403:
        return problem(f"pages of {BROWSER_ORIGIN} are refused with 403")
    if not _allows_origin(exchange.answer):
        return problem("the 401 has no Access-Control-Allow-Origin for the page")
    exposed = _listed(exchange.answer, "access-control-expose-headers")
    # Fetch §4.9: without credentials the wildcard exposes every header.
    return ok() if exposed & {"www-authenticate", "*"} else problem("WWW-Authenticate is not exposed")


@check(
    "cors-documents",
    "Web pages may read the metadata",
    meaning="Clients in a browser cannot continue without these public documents.",
    fix="Send Access-Control-Allow-Origin: * with the well-known documents.",
    weight=Status.WARNING,
)
def cors_documents(evidence: Evidence) -> Verdict:
    exchanges = [
        item for item in (evidence.resource_metadata_cors, evidence.server_metadata_cors) if item is not None
    ]
    if not exchanges:
        return skipped("there is no document")
    for exchange in exchanges:
        if exchange.answer is None or not _allows_origin(exchange.answer):
            return problem(f"{quoted(exchange.url)} sends no Access-Control-Allow-Origin")
    return ok()


@check(
    "cors-endpoints",
    "Web pages may register and get tokens",
    meaning="The page itself calls the token and registration endpoints.",
    fix="Answer OPTIONS at the token and registration endpoints. Allow any origin, POST, and the headers "
    "Authorization and Content-Type.",
    weight=Status.WARNING,
)
def cors_endpoints(evidence: Evidence) -> Verdict:
    if not evidence.endpoint_preflights:
        return skipped("no endpoints are known")
    for exchange in evidence.endpoint_preflights:
        if fault := _preflight_fault(exchange, ENDPOINT_HEADERS):
            return problem(f"{quoted(exchange.url)}: {fault}")
    return ok()


CHECKS = (cors_preflight, cors_challenge, cors_documents, cors_endpoints)
