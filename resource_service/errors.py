"""All error responses of this service, and the single place that logs and renders them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from resource_service.reasons import LOG_ONLY, Reason
from shared.asgi import error_response, header_values
from shared.bearer import challenge, scheme_of
from shared.logs import current_request_id, get_logger
from shared.reasons import CommonReason, ReasonCode

RETRY_AFTER_S = 1
"""Low, because an authorization server that is back is noticed within two seconds: see `CircuitBreaker`."""

INTERNAL_ERROR = -32603
MCP_METHODS = "GET, POST, DELETE"

_log = get_logger(__name__)


class Refusal(Exception):  # noqa: N818 -- an answer, not a defect
    """A request is not let through.

    Args:
        reason: why, in the log and as `reason_code` in the answer. status: of the HTTP answer. error: the
        code of the protocol. description: for the developer of the client; nothing private, and safe inside
        a quoted string. detail: for the operator, in the log only. challenged: the answer carries
        ``WWW-Authenticate``. named: whether the challenge names the error; RFC 6750 §3.1 wants silence when
        no token was sent. scopes: what the challenge asks for. rpc_code: the body is the JSON-RPC error of
        this code; `rpc_id` is the id of the request, if it has one. dpop_nonce: what the next proof must
        hold (RFC 9449 §9).

    Attributes:
        answers: the ids of the JSON-RPC requests that are answered by it; set by who knows them.
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
        self.answers: Sequence[object] = ()


def no_token() -> Refusal:
    """RFC 6750 §3.1: no token at all gets a challenge without an error."""
    return Refusal(
        Reason.TOKEN_MISSING,
        401,
        "unauthorized",
        "This resource needs an access token.",
        challenged=True,
        named=False,
    )


def malformed_credentials(reason: Reason, description: str) -> Refusal:
    """RFC 6750 §3.1: the way the token was sent is wrong, whatever the token is."""
    return Refusal(reason, 400, "invalid_request", description, challenged=True)


def invalid_token(reason: Reason, description: str, *, detail: str = "") -> Refusal:
    """RFC 6750 §3.1: the token is expired, revoked, made up, or for somebody else."""
    return Refusal(reason, 401, "invalid_token", description, detail=detail, challenged=True)


def invalid_proof(reason: Reason, description: str) -> Refusal:
    """RFC 9449 §7.1: what came with the token proves nothing about this request."""
    return Refusal(reason, 401, "invalid_dpop_proof", description, challenged=True)


def nonce_needed(nonce: str) -> Refusal:
    """RFC 9449 §9: the proof must hold `nonce`; a client tries again with it."""
    description = "The DPoP proof needs the nonce that comes with this answer."
    return Refusal(
        Reason.DPOP_NONCE_REQUIRED, 401, "use_dpop_nonce", description, challenged=True, dpop_nonce=nonce
    )


def too_many_proofs(detail: str) -> Refusal:
    """There is no room to remember one more proof, and what is not remembered could be used twice."""
    description = "Too many DPoP proofs were used within the last two minutes; try again."
    return Refusal(
        Reason.DPOP_PROOF_QUOTA_EXCEEDED, 503, "temporarily_unavailable", description, detail=detail
    )


def insufficient_scope(needed: Iterable[str], *, detail: str) -> Refusal:
    """RFC 6750 §3.1, naming all that the request needs, so that one more consent is enough."""
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


def cannot_ask(reason: Reason, detail: str) -> Refusal:
    """The authorization server gave no answer that says anything about the token."""
    description = "The authorization server cannot be asked about the token at the moment; try again."
    return Refusal(reason, 503, "temporarily_unavailable", description, detail=detail)


def foreign_origin(origin: str) -> Refusal:
    """A page of that origin has no business here."""
    return Refusal(
        Reason.ORIGIN_NOT_ALLOWED,
        403,
        "invalid_origin",
        "Pages of this web origin may not call this resource.",
        detail=origin,
    )


def malformed_message(reason: Reason, description: str, *, rpc_code: int, rpc_id: object = None) -> Refusal:
    """The body is not JSON-RPC that everyone reads the same way, or its headers say something else."""
    return Refusal(reason, 400, "invalid_request", description, rpc_code=rpc_code, rpc_id=rpc_id)


def unsupported_media_type(description: str, *, rpc_code: int) -> Refusal:
    """The headers say that the body is not JSON in UTF-8."""
    return Refusal(Reason.MEDIA_TYPE_UNSUPPORTED, 415, "invalid_request", description, rpc_code=rpc_code)


def body_too_large(max_body_bytes: int) -> Refusal:
    """The body is over the bound."""
    return Refusal(
        CommonReason.BODY_TOO_LARGE,
        413,
        "invalid_request",
        f"The request body is larger than {max_body_bytes} bytes.",
    )


@dataclass(frozen=True, slots=True)
class Refuse:
    """Turns a refusal into its log line and its answer.

    Attributes:
        metadata_url: what every challenge points to (RFC 9728 §5.1).
        default_scopes: what a challenge asks for, at the moment, where the request needs none in particular.
    """

    metadata_url: str
    default_scopes: Callable[[], tuple[str, ...]]

    def __call__(self, refusal: Refusal, scope: Scope) -> Response:
        """Log why, and build the answer to the request of `scope`."""
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
        return _body(refusal, self._headers(refusal, scope))

    def _headers(self, refusal: Refusal, scope: Scope) -> dict[str, str]:
        headers = {}
        if refusal.status == 503:
            headers["Retry-After"] = str(RETRY_AFTER_S)
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
            )
        return headers


def _body(refusal: Refusal, headers: dict[str, str]) -> Response:
    code = refusal.rpc_code
    if refusal.status >= 500 and refusal.answers:
        code = code or INTERNAL_ERROR
    if code is None:
        reason = None if refusal.reason in LOG_ONLY else refusal.reason
        return error_response(refusal.status, refusal.error, refusal.description, headers, reason=reason)
    errors = [_rpc_error(refusal, code, request_id) for request_id in refusal.answers or (refusal.rpc_id,)]
    return JSONResponse(errors[0] if len(errors) == 1 else errors, refusal.status, headers)


def _rpc_error(refusal: Refusal, code: int, request_id: object) -> dict[str, object]:
    data = {"error": refusal.error, "request_id": current_request_id.get()}
    if refusal.reason not in LOG_ONLY:
        data["reason_code"] = refusal.reason.code
    error = {"code": code, "message": refusal.description, "data": data}
    return {"jsonrpc": "2.0", "id": request_id, "error": error}
