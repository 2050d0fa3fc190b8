"""MCP requests with a token."""

from __future__ import annotations

from shared.cli.doctor.challenge import bearer_challenge
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
    "The MCP server takes the token",
    meaning='"Authorized, then failed": the login went well, and the MCP server does not accept what came of'
    " it. Most often it expects another audience, another issuer, or another URL of itself.",
    fix="Let the MCP server accept tokens of this issuer whose audience is its `resource`, and see its"
    " log for why it refuses this one.",
)
def initialize(evidence: Evidence) -> Verdict:
    exchange = evidence.login.initialize if evidence.login else None
    if exchange is None:
        return skipped(NOT_TRIED)
    if evidence.login and evidence.login.refused_for_scope is exchange:
        return ok("it asks for more scopes first")
    fault = _fault(exchange)
    return problem(fault) if fault else ok()


@check(
    "tools",
    "The tools can be listed",
    meaning="It is the first thing that every client does.",
    fix="See the log of the MCP server for why it refuses tools/list.",
)
def tools(evidence: Evidence) -> Verdict:
    exchange = evidence.login.tools if evidence.login else None
    if exchange is None:
        return skipped(NOT_TRIED)
    if evidence.login and evidence.login.refused_for_scope is exchange:
        return ok("it asks for more scopes first")
    if fault := _fault(exchange):
        return problem(fault)
    result = (rpc_answer(exchange) or {}).get("result")
    tools = result.get("tools") if isinstance(result, dict) else None
    return ok(f"{len(tools)} tools") if isinstance(tools, list) else problem("there is no list in the answer")


@check(
    "step-up-challenge",
    "A refusal for lack of scopes says which",
    meaning="RFC 6750 §3.1, MCP 2025-11-25: clients ask for the scopes in the challenge and try again.",
    fix='Answer 403 with error="insufficient_scope", scope="…" naming every scope the request needs, and'
    " resource_metadata in the Bearer challenge.",
)
def step_up_challenge(evidence: Evidence) -> Verdict:
    login = evidence.login
    made = (login.initialize, login.tools, login.call) if login else ()
    refused = [item.answer for item in made if item and item.answer and item.answer.status == 403]
    if not refused:
        return skipped("the MCP server refused nothing for lack of a scope")
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
    "With the scopes that were asked for it works",
    meaning="MCP 2025-11-25, step-up authorization: after another login for them the same request must go"
    " through, or the client goes round in circles.",
    fix="Let the authorization server grant every scope that the MCP server asks for, and let the"
    " challenge name all that the request needs.",
)
def step_up(evidence: Evidence) -> Verdict:
    login = evidence.login
    if login is None or login.refused_for_scope is None:
        return skipped("the MCP server asked for no more scopes")
    if login.stepped_up is None:
        return problem(login.step_up_refused)
    fault = _fault(login.stepped_up)
    return problem(fault) if fault else ok()


CHECKS = (initialize, tools, step_up_challenge, step_up)
