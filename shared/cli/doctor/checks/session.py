"""MCP requests with a token."""

from __future__ import annotations

from shared.challenges import bearer_challenge
from shared.cli.doctor.documents import object_of
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.exchange import Exchange
from shared.cli.doctor.messages import rpc_answer
from shared.cli.doctor.text import listed, printable, quoted
from shared.cli.doctor.verdict import Verdict, check, ok, problem, skipped

NOT_TRIED = "there is no token"
MAX_REASON = 300


def _fault(exchange: Exchange) -> str | None:
    """Explain why a call has no result; None if it has one."""
    if exchange.answer is None:
        return str(exchange.trouble)
    challenge = bearer_challenge(exchange.answer.header("www-authenticate"))
    errors = "".join(
        f" {quoted(challenge.parameters[name])}"
        for name in ("error", "error_description")
        if challenge and name in challenge.parameters
    )
    if exchange.answer.status != 200:
        return f"it answers {exchange.answer.status}{errors}{_reason(exchange)}"
    answer = rpc_answer(exchange)
    if answer is None:
        return f"it answers 200, {quoted(exchange.answer.content_type)}, without a JSON-RPC answer"
    return f"it answers with the error {quoted(answer['error'])}" if "error" in answer else None


def _reason(exchange: Exchange) -> str:
    """Return the reason in the body of a refusal, such as Doorward's gateway sends about its upstream."""
    document = object_of(exchange) or {}
    error = document.get("error")
    text = error.get("message") if isinstance(error, dict) else document.get("error_description")
    return f": {printable(text, MAX_REASON)}" if isinstance(text, str) else ""


@check(
    "initialize",
    "The MCP server accepts the token",
    meaning="The login succeeded, but the MCP server refuses the token. Usually it expects another "
    "audience or issuer, or does not know its public URL.",
    fix="Configure the MCP server to accept tokens of this issuer with its `resource` as audience, and "
    "see its log for the reason.",
)
def initialize(evidence: Evidence) -> Verdict:
    exchange = evidence.login.initialize if evidence.login else None
    if exchange is None:
        return skipped(NOT_TRIED)
    if evidence.login and evidence.login.refused_for_scope is exchange:
        return ok("it first requires more scopes")
    fault = _fault(exchange)
    return problem(fault) if fault else ok()


@check(
    "tools",
    "The tools can be listed",
    meaning="Every client lists the tools first.",
    fix="See the log of the MCP server for the error in tools/list.",
)
def tools(evidence: Evidence) -> Verdict:
    exchange = evidence.login.tools if evidence.login else None
    if exchange is None:
        return skipped(NOT_TRIED)
    if evidence.login and evidence.login.refused_for_scope is exchange:
        return ok("it first requires more scopes")
    if fault := _fault(exchange):
        return problem(fault)
    result = (rpc_answer(exchange) or {}).get("result")
    tools = result.get("tools") if isinstance(result, dict) else None
    return ok(f"{len(tools)} tools") if isinstance(tools, list) else problem("the response contains no list")


@check(
    "step-up-challenge",
    "A refusal for missing scopes names them",
    meaning="RFC 6750 §3.1, MCP 2025-11-25: clients request the scopes in the challenge and try again.",
    fix='Answer with 403 and a Bearer challenge that contains error="insufficient_scope", scope="…" with '
    "all scopes that the request requires, and resource_metadata.",
)
def step_up_challenge(evidence: Evidence) -> Verdict:
    login = evidence.login
    made = (login.initialize, login.tools, login.call) if login else ()
    refused = [item.answer for item in made if item and item.answer and item.answer.status == 403]
    if not refused:
        return skipped("no request was refused for a missing scope")
    challenge = bearer_challenge(refused[0].header("www-authenticate"))
    parameters = challenge.parameters if challenge else {}
    lacking = [name for name in ("error", "scope", "resource_metadata") if not parameters.get(name)]
    if lacking:
        return problem(f"the 403 lacks {', '.join(lacking)}")
    if parameters["error"] != "insufficient_scope":
        return problem(f"the error is {quoted(parameters['error'])}")
    return ok(listed(parameters["scope"].split()))


@check(
    "step-up",
    "With the required scopes, the request succeeds",
    meaning="MCP 2025-11-25, step-up authorization: if the request is refused again after the second "
    "login, the client loops.",
    fix="Configure the authorization server to grant every scope that the MCP server requires, and name "
    "all required scopes in the challenge.",
)
def step_up(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.refused_for_scope is None:
        return skipped("the MCP server did not require more scopes")
    if login.stepped_up is None:
        return problem(login.step_up_refused)
    fault = _fault(login.stepped_up)
    return problem(fault) if fault else ok()


CHECKS = (initialize, tools, step_up_challenge, step_up)
