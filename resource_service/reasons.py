"""The reason codes of the resource server, for refused requests and interrupted responses."""

from __future__ import annotations

from enum import unique

from shared.reasons import ReasonCode

_OTHER_URL = (
    "The token was issued for another URL. The URL that was pasted, DOORWARD_RESOURCE and the `resource` in "
    "DOORWARD_RESOURCE_SERVERS must be the same; then connect again."
)
_REFRESH = (
    "Clients refresh by themselves when a token ends. If this one goes on with it, disconnect and connect it "
    "again; if tokens end at once, compare the clocks of the machines."
)
_SAME_SECRET = (
    "Give both services the same secret: DOORWARD_RESOURCE_SECRET of the resource server is the secret that "
    "DOORWARD_RESOURCE_SERVERS of the authorization server names for DOORWARD_RESOURCE_SERVER_ID."
)
_REACH = (
    "The resource server does not reach the authorization server. See that it is up, and that "
    "DOORWARD_INTROSPECTION_ENDPOINT, or DOORWARD_ISSUER, leads to it from where the resource server runs."
)
_SAME_ISSUER = "DOORWARD_ISSUER must be the same, to the byte, for both services."
_ENDED = (
    "Nothing, where the client logs in or refreshes by itself; else disconnect it and connect it again. What "
    "was open ended with its token."
)
_ITS_LOG = "The MCP server behind the gateway failed; its own log says more."
_STDOUT = (
    "The command behind the gateway wrote what is not an answer of JSON-RPC to its standard output. Print "
    "for people to standard error only; the line is in the log of the resource service."
)


@unique
class Reason(ReasonCode):
    """The reason why a request was refused or interrupted."""

    # The token
    TOKEN_MISSING = (
        "The request carries no access token.",
        "A first request without a token is how every client begins: it then reads where to log in. If it "
        "never gets further, `doorward doctor URL` finds out what stops it.",
    )
    TOKEN_IN_URL = "The access token is in the URL, where logs would keep it (RFC 6750 §5.3)."
    CREDENTIALS_MALFORMED = "The Authorization header is not one well-formed Bearer or DPoP header."
    TOKEN_INACTIVE = (
        "The authorization server says that the token is not active.",
        "Disconnect the client and connect it again. The log of the authorization server says more, if it is "
        "among what was searched.",
    )
    TOKEN_OF_OTHER_ISSUER = "The token is from another issuer.", _SAME_ISSUER
    TOKEN_OF_OTHER_RESOURCE = "The token is for another resource (RFC 8707 §2).", _OTHER_URL
    TOKEN_EXPIRED = "The token has expired.", _REFRESH
    TOKEN_ENDED_MEANWHILE = "The token expired or was revoked while the answer was open.", _ENDED
    TOKEN_STATE_UNKNOWN = (
        "The authorization server could not be asked about the token of an open answer.",
        _REACH,
    )
    TOKEN_NEEDS_PROOF = "The token is bound to a key and was sent without a proof (RFC 9449 §7.2)."
    TOKEN_NOT_BOUND = "The token is bound to no key and was sent with a proof (RFC 9449 §7.1)."
    TOKEN_BOUND_TO_OTHER_KEY = "The token is bound to another key than that of the proof."
    DPOP_PROOF_INVALID = (
        "The DPoP proof failed verification (RFC 9449 §4.3).",
        "The client signs proofs (DPoP) and this one was not for this request. Most often a proxy shows the "
        "client another URL than DOORWARD_RESOURCE, or the clocks differ.",
    )
    DPOP_PROOF_REPLAYED = "The DPoP proof was used before."
    DPOP_PROOF_QUOTA_EXCEEDED = "No more DPoP proofs can be remembered at the moment."
    DPOP_NONCE_REQUIRED = (
        "The DPoP proof needs the nonce that comes with the answer (RFC 9449 §9).",
        "Nothing: the client tries again with the nonce that it was given.",
    )
    SCOPE_MISSING = (
        "The token lacks a scope that the request needs.",
        "Connect again and leave the scope ticked on the consent page. If the page does not offer it, add it "
        "to the resource's scopes in DOORWARD_RESOURCE_SERVERS.",
    )

    # The authorization server
    AUTHORIZATION_SERVER_UNREACHABLE = "The authorization server gave no answer.", _REACH
    AUTHORIZATION_SERVER_FAILING = "The authorization server answered with an error.", _REACH
    AUTHORIZATION_SERVER_MISMATCH = "The metadata is that of another issuer.", _SAME_ISSUER
    INTROSPECTION_ANSWER_MALFORMED = "The answer about the token breaks RFC 7662 or RFC 9701."
    INTROSPECTION_CREDENTIALS_REFUSED = (
        "The authorization server refused the credentials of this resource server.",
        _SAME_SECRET,
    )
    ALIAS_REFUSED = "The authorization server refused a request that was passed on to it."

    # The request
    ORIGIN_NOT_ALLOWED = (
        "A page of this web origin may not call the resource.",
        "If the page at that origin may call this server, add the origin to DOORWARD_ALLOWED_ORIGINS.",
    )
    MEDIA_TYPE_UNSUPPORTED = "The headers say that the body is not JSON in UTF-8."
    MESSAGE_MALFORMED = "The body is not JSON-RPC that every parser reads the same way."
    HEADERS_CONTRADICT_BODY = "A header repeats a part of the message with another value."
    MEDIA_TYPE_NOT_ACCEPTED = "The client does not accept the media types of Streamable HTTP."
    NOT_FORWARDABLE = "The query, a header or a number cannot be forwarded unchanged."
    SESSION_HEADER_INVALID = "Mcp-Session-Id is missing or was sent twice."
    SESSION_UNKNOWN = (
        "There is no such session of this principal.",
        "Most clients begin a new session by themselves. Sessions end when the service is restarted; with "
        "more than one process, a proxy must keep each session on one of them.",
    )
    REQUEST_ID_IN_USE = "A request with this id is still waiting for its answer."
    REQUEST_CANCELLED = "The client cancelled the request."
    EVENTS_NOT_KEPT = "The events after Last-Event-ID are no longer kept."

    # The MCP server
    UPSTREAM_REFUSED = (
        "The MCP server itself refused the request.",
        "The MCP server itself has refused: what it says is in the reason, and its own log says more.",
    )
    UPSTREAM_UNREACHABLE = (
        "The MCP server cannot be reached.",
        "Start the MCP server behind the gateway, and see that DOORWARD_UPSTREAM leads to it.",
    )
    UPSTREAM_BUSY = (
        "The MCP server, or this person's share of it, is used up.",
        "Try again. If it happens often, the reason names the limit: DOORWARD_UPSTREAM_CONNECTIONS and "
        "DOORWARD_STDIO_PROCESSES, or the share of one person (…_PER_PRINCIPAL).",
    )
    UPSTREAM_TIMEOUT = (
        "The MCP server did not answer in time.",
        "The MCP server behind the gateway hangs; its own log says more. If calls are meant to be quiet for "
        "that long, raise DOORWARD_UPSTREAM_SILENCE_S.",
    )
    UPSTREAM_BROKE_OFF = "The connection to the MCP server broke.", _ITS_LOG
    UPSTREAM_STREAM_ENDED = (
        "The MCP server ended a stream before it had answered.",
        "The MCP server behind the gateway broke off in the middle of a call; its own log says more.",
    )
    UPSTREAM_ANSWER_UNREADABLE = (
        "The MCP server's answer is not JSON-RPC, or not an answer to the request.",
        "The MCP server behind the gateway has sent something that is not an answer of JSON-RPC to the "
        "request; the reason says what is wrong with it. See that DOORWARD_UPSTREAM is its MCP endpoint.",
    )
    UPSTREAM_ANSWER_TOO_LARGE = (
        "A JSON answer of the MCP server is larger than the limit.",
        "If answers of that size are meant to come, raise DOORWARD_UPSTREAM_MAX_MESSAGE_BYTES, or let the "
        "MCP server answer with a stream of events.",
    )
    UPSTREAM_CREDENTIALS_REFUSED = (
        "The MCP server refused the credentials of the gateway.",
        "Set DOORWARD_UPSTREAM_AUTHORIZATION, or the `authorization` of the mount, to what the MCP server "
        "accepts.",
    )
    UPSTREAM_REDIRECTS = (
        "The MCP server redirects to another address.",
        "Set DOORWARD_UPSTREAM, or the `upstream` of the mount, to the address in the reason. Only a "
        "redirect that adds or drops the slash at the end, at the same scheme, host and port, is followed.",
    )
    UPSTREAM_REFUSES_HOST = (
        "The MCP server refuses the Host header that it is sent.",
        "Set DOORWARD_UPSTREAM_HOST, or the `host` of the mount, to a name that the MCP server takes, often "
        "localhost with its port; or let it take the name in the reason (allowed hosts).",
    )
    UPSTREAM_STATUS_INVALID = "The MCP server answered with a status that cannot be forwarded.", _ITS_LOG
    UPSTREAM_SESSION_SHARED = "The MCP server gave one session to two principals.", _ITS_LOG
    COMMAND_NOT_STARTED = "The command behind the gateway cannot be started, or ended at once.", _ITS_LOG
    COMMAND_ENDED = (
        "The command behind the gateway ended before it had answered.",
        "The command behind the gateway ended in the middle of a call; what it wrote to standard error is in "
        "the log of the resource service.",
    )
    COMMAND_OUTPUT_UNREADABLE = "The command wrote a line that is not an answer of JSON-RPC.", _STDOUT
    COMMAND_OUTPUT_TOO_LARGE = (
        "The command wrote a line that is larger than the limit.",
        "If answers of that size are meant to come, raise DOORWARD_STDIO_MAX_MESSAGE_BYTES.",
    )
    SERVICE_STOPPING = "The service was stopped while the answer was open."


LOG_ONLY = frozenset(
    {
        Reason.AUTHORIZATION_SERVER_UNREACHABLE,
        Reason.AUTHORIZATION_SERVER_FAILING,
        Reason.AUTHORIZATION_SERVER_MISMATCH,
        Reason.INTROSPECTION_ANSWER_MALFORMED,
        Reason.INTROSPECTION_CREDENTIALS_REFUSED,
        Reason.UPSTREAM_BROKE_OFF,
        Reason.UPSTREAM_CREDENTIALS_REFUSED,
        Reason.UPSTREAM_STATUS_INVALID,
        Reason.UPSTREAM_SESSION_SHARED,
        Reason.COMMAND_NOT_STARTED,
    }
)
"""Reasons that share one sentence in responses: only the operator needs to distinguish them."""
