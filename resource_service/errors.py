"""All error responses of this service, and the single place that logs and renders them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from resource_service.reasons import LOG_ONLY, Reason
from shared.asgi import error_response, header_values
from shared.asgi.noted_reason import note_reason
from shared.bearer import challenge, scheme_of
from shared.logs import current_request_id, get_logger
from shared.reasons import CommonReason, ReasonCode

RETRY_AFTER_S = 1
"""Low, because a returning authorization server is noticed within two seconds: see `CircuitBreaker`."""

INTERNAL_ERROR = -32603
ACCESS_DENIED = -32003
LIMIT_EXCEEDED = -32004
STOPPED = -32005
"""From the range that JSON-RPC 2.0 §5.1 leaves to servers, and MCP to implementations."""

MCP_METHODS = "GET, POST, DELETE"

_log = get_logger(__name__)


class Refusal(Exception):  # noqa: N818 -- an answer, not a defect
    """An error response to a request, and its log entry.

    Args:
        reason: the reason, in the log and as `reason_code` in the response. status: the HTTP status. error:
            the protocol's error code. description: for the client's developer; contains nothing private, and
            is safe inside a quoted string. detail: for the operator, in the log only. challenged: whether the
            response has ``WWW-Authenticate``. named: whether the challenge names the error; RFC 6750 §3.1
            wants no error if no token was sent. scopes: the scopes in the challenge. rpc_code: if set, the
            body is a JSON-RPC error with this code; `rpc_id` is the id of the request, if it has one.
            dpop_nonce: the nonce that the next proof must contain (RFC 9449 §9). acr, max_age_s: the login
            that the request needs (RFC 9470 §3). retry_after_s: when to try again. rule: the rule of the
            policy that decided, for the journal; by default, the one that the policy names for the call.
    Attributes:
        answers: the ids of the JSON-RPC requests that this response answers; set by the caller that knows
            them.
    """

    def __init__(
        self,
        reason: ReasonCode,
        status: int,
        error: str,
        description: str,
        *,
        detail: str = "",
        challenged: bool = False,
        named: bool = True,
        scopes: Iterable[str] = (),
        rpc_code: int | None = None,
        rpc_id: object = None,
        dpop_nonce: str | None = None,
        acr: str | None = None,
        max_age_s: int | None = None,
        retry_after_s: int | None = None,
        rule: str | None = None,
    ) -> None:
        super().__init__(f"{error}: {detail or description}")
        self.reason = reason
        self.status = status
        self.error = error
        self.description = description
        self.detail = detail
        self.challenged = challenged
        self.named = named
        self.scopes = tuple(scopes)
        self.rpc_code = rpc_code
        self.rpc_id = rpc_id
        self.dpop_nonce = dpop_nonce
        self.acr = acr
        self.max_age_s = max_age_s
        self.retry_after_s = retry_after_s
        self.rule = rule
        self.answers: Sequence[object] = ()

    def rpc_answer(self, request_id: object, code: int) -> dict[str, object]:
        """Return the response to a JSON-RPC request: an error with `code`."""
        data: dict[str, object] = {"error": self.error, "request_id": current_request_id.get()}
        if self.reason not in LOG_ONLY:
            data["reason_code"] = self.reason.code
        if self.retry_after_s is not None:
            data["retry_after"] = self.retry_after_s
        error = {"code": code, "message": self.description, "data": data}
        return {"jsonrpc": "2.0", "id": request_id, "error": error}


def no_token() -> Refusal:
    """Refuse a request without a token: the challenge has no error (RFC 6750 §3.1)."""
    return Refusal(
        Reason.TOKEN_MISSING,
        401,
        "unauthorized",
        "This resource needs an access token.",
        challenged=True,
        named=False,
    )


def malformed_credentials(reason: Reason, description: str) -> Refusal:
    """Refuse a token that was sent incorrectly, whatever the token is (RFC 6750 §3.1)."""
    return Refusal(reason, 400, "invalid_request", description, challenged=True)


def invalid_token(reason: Reason, description: str, *, detail: str = "") -> Refusal:
    """Refuse a token that is expired, revoked, invented, or for another resource (RFC 6750 §3.1)."""
    return Refusal(reason, 401, "invalid_token", description, detail=detail, challenged=True)


def invalid_proof(reason: Reason, description: str) -> Refusal:
    """Refuse a DPoP proof that does not prove possession for this request (RFC 9449 §7.1)."""
    return Refusal(reason, 401, "invalid_dpop_proof", description, challenged=True)


def nonce_needed(nonce: str) -> Refusal:
    """Require `nonce` in the proof, so that the client retries with it (RFC 9449 §9)."""
    description = "The DPoP proof must contain the nonce from this response."
    return Refusal(
        Reason.DPOP_NONCE_REQUIRED, 401, "use_dpop_nonce", description, challenged=True, dpop_nonce=nonce
    )


def too_many_proofs(detail: str) -> Refusal:
    """Refuse a proof because the replay cache is full: an unrecorded proof could be used twice."""
    description = "Too many DPoP proofs were used within the last two minutes; try again."
    return Refusal(
        Reason.DPOP_PROOF_QUOTA_EXCEEDED, 503, "temporarily_unavailable", description, detail=detail
    )


def replay_unknown(detail: str) -> Refusal:
    """Refuse a proof because the shared store does not say whether it was used before."""
    description = "It cannot be checked whether the DPoP proof was used before; try again."
    return Refusal(Reason.STORE_UNAVAILABLE, 503, "temporarily_unavailable", description, detail=detail)


def insufficient_scope(needed: Iterable[str], *, detail: str) -> Refusal:
    """Refuse a request, naming all scopes that it needs: one more consent suffices (RFC 6750 §3.1)."""
    scopes = sorted(needed)
    description = f"This request needs: {', '.join(scopes)}."
    return Refusal(
        Reason.SCOPE_MISSING,
        403,
        "insufficient_scope",
        description,
        detail=detail,
        challenged=True,
        scopes=scopes,
    )


def group_missing(contact: str | None, *, detail: str) -> Refusal:
    """Refuse what only members of other groups may do. Without a challenge: a new consent adds no group."""
    whom = contact or "the operator of this MCP server"
    return Refusal(
        Reason.GROUP_MISSING,
        403,
        "access_denied",
        f"This account is in no group that may do this. Ask {whom} for access.",
        detail=detail,
        rpc_code=ACCESS_DENIED,
    )


def condition_unmet(pattern: str, wrong: Sequence[str], contact: str | None, *, detail: str) -> Refusal:
    """Refuse a call that does not meet a condition. The sentence is for the model, which may correct it."""
    if wrong:
        description = f"The policy does not allow this call: {'; '.join(wrong)}."
    else:
        whom = contact or "the operator of this MCP server"
        description = f"The policy does not allow this call for you, or at this time. Ask {whom}."
    return Refusal(
        Reason.CONDITION_UNMET,
        403,
        "access_denied",
        description,
        detail=detail,
        rpc_code=ACCESS_DENIED,
        rule=f"when: {pattern}",
    )


def definition_held(name: str, contact: str | None, *, detail: str) -> Refusal:
    """Refuse to run what is not as it was approved. Without a challenge: no consent approves it."""
    whom = contact or "the operator of this MCP server"
    return Refusal(
        Reason.DEFINITION_HELD,
        403,
        "access_denied",
        f"{name[:100]!r} is new or has changed, and is not approved yet. Ask {whom} to approve it.",
        detail=detail,
        rpc_code=ACCESS_DENIED,
    )


def limit_exceeded(limit: str, description: str, retry_after_s: int, *, detail: str) -> Refusal:
    """Refuse a call beyond a limit of the policy.

    With 200: the message of the error reaches the model. With 429, the TypeScript SDK drops the error, and
    reports that the transport failed.
    """
    again = f"Try again in {retry_after_s} second{'' if retry_after_s == 1 else 's'}, not sooner."
    return Refusal(
        Reason.LIMIT_EXCEEDED,
        200,
        "limit_exceeded",
        f"{description} {again}",
        detail=detail,
        rpc_code=LIMIT_EXCEEDED,
        retry_after_s=retry_after_s,
        rule=f"limits: {limit}",
    )


def stopped(what: str, reason: str, rule: str, *, is_call: bool) -> Refusal:
    """Refuse what the operator has stopped: no other login, consent or client would change it.

    Args:
        what: in plain words.
        reason: a sentence of the operator; may be empty.
        is_call: whether a client waits for the answer to a JSON-RPC request: see `limit_exceeded`.
    """
    because = f": {reason}" if reason else ""
    return Refusal(
        Reason.STOPPED_BY_OPERATOR,
        200 if is_call else 403,
        "stopped",
        f"The operator has stopped this {what}{because}. Do not try again until it is resumed.",
        detail=rule,
        rpc_code=STOPPED,
        rule=rule,
    )


def limits_unknown(detail: str) -> Refusal:
    """Refuse a call because the shared store does not say whether a limit is reached."""
    description = "It cannot be checked whether a limit on calls is reached; try again."
    return Refusal(Reason.STORE_UNAVAILABLE, 503, "temporarily_unavailable", description, detail=detail)


def list_unreadable(detail: str) -> Refusal:
    """Refuse to pass on a list that cannot be compared with what was approved."""
    description = "The MCP server answered with a list that cannot be compared with what was approved."
    return Refusal(Reason.LIST_UNREADABLE, 502, "bad_gateway", description, detail=detail)


def insufficient_authentication(acr: str | None, max_age_s: int | None, *, detail: str) -> Refusal:
    """Refuse a request whose token was granted in a login that is too weak or too old (RFC 9470 §3)."""
    needs = [
        *([f"the authentication context {acr}"] if acr else []),
        *([f"a login of the last {max_age_s} seconds"] if max_age_s is not None else []),
    ]
    return Refusal(
        Reason.LOGIN_NOT_STRONG_ENOUGH,
        401,
        "insufficient_user_authentication",
        f"This request needs {' and '.join(needs)}.",
        detail=detail,
        challenged=True,
        acr=acr,
        max_age_s=max_age_s,
    )


def cannot_ask(reason: Reason, detail: str) -> Refusal:
    """Refuse a request because the authorization server did not give a usable answer about the token."""
    description = "The authorization server is unavailable, so the token cannot be checked; try again."
    return Refusal(reason, 503, "temporarily_unavailable", description, detail=detail)


def journal_unavailable(detail: str) -> Refusal:
    """Refuse a call that cannot be recorded, and that may be repeated."""
    description = "Calls cannot be recorded at the moment, so they are not forwarded; try again."
    return Refusal(Reason.JOURNAL_UNAVAILABLE, 503, "temporarily_unavailable", description, detail=detail)


def cut_off(reason: Reason, description: str) -> Refusal:
    """Refuse a request that was ended before its response began, and that may be repeated."""
    return Refusal(reason, 503, "temporarily_unavailable", description)


def foreign_origin(origin: str) -> Refusal:
    """Refuse a request from a web page whose origin is not allowed."""
    return Refusal(
        Reason.ORIGIN_NOT_ALLOWED,
        403,
        "invalid_origin",
        "Pages of this web origin may not call this resource.",
        detail=origin,
    )


def malformed_message(reason: Reason, description: str, *, rpc_code: int, rpc_id: object = None) -> Refusal:
    """Refuse a body that is not unambiguous JSON-RPC, or that contradicts its headers."""
    return Refusal(reason, 400, "invalid_request", description, rpc_code=rpc_code, rpc_id=rpc_id)


def unsupported_media_type(description: str, *, rpc_code: int) -> Refusal:
    """Refuse a body whose headers do not declare JSON in UTF-8."""
    return Refusal(Reason.MEDIA_TYPE_UNSUPPORTED, 415, "invalid_request", description, rpc_code=rpc_code)


def body_too_large(max_body_bytes: int) -> Refusal:
    """Refuse a body that exceeds the limit."""
    return Refusal(
        CommonReason.BODY_TOO_LARGE,
        413,
        "invalid_request",
        f"The request body is larger than {max_body_bytes} bytes.",
    )


@dataclass(frozen=True, slots=True)
class Refuse:
    """Logs a refusal and builds its response.

    Attributes:
        metadata_url: the metadata URL in every challenge (RFC 9728 §5.1).
        default_scopes: returns the current scopes for a challenge if the request needs none in particular.
    """

    metadata_url: str
    default_scopes: Callable[[], tuple[str, ...]]

    def __call__(self, refusal: Refusal, scope: Scope) -> Response:
        """Log the refusal, and build the response to the request of `scope`."""
        level = "warning" if refusal.status >= 500 else "info"
        public = {"told": refusal.description} if refusal.detail else {}
        getattr(_log, level)(
            "refused",
            reason=refusal.detail or refusal.description,
            reason_code=refusal.reason.code,
            **public,
            error=refusal.error,
            status=refusal.status,
            method=scope["method"],
            path=scope["path"],
        )
        note_reason(scope, refusal.reason)
        return _body(refusal, self._headers(refusal, scope))

    def _headers(self, refusal: Refusal, scope: Scope) -> dict[str, str]:
        headers = {}
        if refusal.status == 503 or refusal.retry_after_s is not None:
            headers["Retry-After"] = str(refusal.retry_after_s or RETRY_AFTER_S)
        if refusal.status == 405:
            headers["Allow"] = MCP_METHODS
        if refusal.status == 413:
            headers["Connection"] = "close"
        if refusal.dpop_nonce is not None:
            headers["DPoP-Nonce"] = refusal.dpop_nonce
        if refusal.challenged:
            headers["WWW-Authenticate"] = challenge(
                self.metadata_url,
                scheme=scheme_of(header_values(scope, "authorization")),
                scopes=refusal.scopes or self.default_scopes(),
                error=refusal.error if refusal.named else None,
                description=refusal.description if refusal.named else None,
                acr=refusal.acr,
                max_age_s=refusal.max_age_s,
            )
        return headers


def _body(refusal: Refusal, headers: dict[str, str]) -> Response:
    code = refusal.rpc_code
    if refusal.status >= 500 and refusal.answers:
        code = code or INTERNAL_ERROR
    if code is None:
        reason = None if refusal.reason in LOG_ONLY else refusal.reason
        return error_response(refusal.status, refusal.error, refusal.description, headers, reason=reason)
    errors = [refusal.rpc_answer(request_id, code) for request_id in refusal.answers or (refusal.rpc_id,)]
    return JSONResponse(errors[0] if len(errors) == 1 else errors, refusal.status, headers)
