"""The reason codes of the resource server, for refused requests and interrupted responses."""

from __future__ import annotations

from enum import unique

from shared.reasons import ReasonCode

_OTHER_URL = (
    "The token was issued for another URL. Use the same URL in the client and as DOORWARD_RESOURCE of both "
    "services (or in DOORWARD_RESOURCE_SERVERS); then connect again."
)
_REFRESH = (
    "Clients refresh expired tokens automatically. If this client keeps using the expired token, "
    "disconnect it and connect it again. If new tokens expire at once, compare the clocks of the "
    "machines."
)
_SAME_SECRET = (
    "Configure the same DOORWARD_RESOURCE_SECRET in both services. If the authorization server has "
    "DOORWARD_RESOURCE_SERVERS, it is the `secret` of the entry with the DOORWARD_RESOURCE_SERVER_ID of the "
    "resource server."
)
_REACH = (
    "Check that the authorization server is running, and that the resource server can reach it at "
    "DOORWARD_INTROSPECTION_ENDPOINT (default: DOORWARD_ISSUER plus /introspect)."
)
_SAME_ISSUER = "Set DOORWARD_ISSUER to exactly the same string in both services."
_ENDED = (
    "Usually nothing: clients refresh or log in again. Otherwise, disconnect the client and connect it again."
)
_ITS_LOG = "See the log of the MCP server behind the gateway."
_STDOUT = (
    "Let the command write only JSON-RPC to standard output, and everything else to standard error. The "
    "log of the resource service contains the line."
)


@unique
class Reason(ReasonCode):
    """The reason why a request was refused or interrupted."""

    # The token
    TOKEN_MISSING = (
        "The request has no access token.",
        "Usually nothing: every client starts without a token to learn where to log in. If the client "
        "never logs in, run `doorward doctor URL`.",
    )
    TOKEN_IN_URL = "The access token is in the URL, where it would be logged (RFC 6750 §5.3)."
    CREDENTIALS_MALFORMED = "The Authorization header is malformed, repeated, or neither Bearer nor DPoP."
    TOKEN_INACTIVE = (
        "The authorization server reports that the token is not active.",
        "Disconnect the client and connect it again. The log of the authorization server has the exact "
        "reason.",
    )
    TOKEN_OF_OTHER_ISSUER = "The token is from another issuer.", _SAME_ISSUER
    TOKEN_OF_OTHER_RESOURCE = "The token is for another resource (RFC 8707 §2).", _OTHER_URL
    TOKEN_EXPIRED = "The token has expired.", _REFRESH
    TOKEN_ENDED_MEANWHILE = "The token expired or was revoked during the response.", _ENDED
    TOKEN_STATE_UNKNOWN = (
        "The token could not be checked again during the response.",
        _REACH,
    )
    TOKEN_NEEDS_PROOF = "The token is bound to a key, but was sent without a proof (RFC 9449 §7.2)."
    TOKEN_NOT_BOUND = "The token is not bound to a key, but was sent with a proof (RFC 9449 §7.1)."
    TOKEN_BOUND_TO_OTHER_KEY = "The token is bound to another key than the key of the proof."
    DPOP_PROOF_INVALID = (
        "The DPoP proof failed verification (RFC 9449 §4.3).",
        "The DPoP proof of the client does not match the request. Usually a proxy shows the client "
        "another URL than DOORWARD_RESOURCE, or the clocks differ.",
    )
    DPOP_PROOF_REPLAYED = "The DPoP proof was used before."
    DPOP_PROOF_QUOTA_EXCEEDED = "The replay cache for DPoP proofs is full."
    STOPPED_BY_OPERATOR = (
        "The operator has stopped the tool, the MCP server, the client or the person.",
        "`doorward stops` lists what is stopped, by whom and why; `doorward resume` ends a stop.",
    )
    LIMIT_EXCEEDED = (
        "A limit of the policy on calls is reached.",
        "Wait as long as `retry_after` in the error says. The journal names the limit; to raise it, change "
        "`limits` in the policy file.",
    )
    STORE_UNAVAILABLE = (
        "The store of the resource service is unreachable or overloaded.",
        "Check that the store runs, and that DOORWARD_RESOURCE_STORE is correct.",
    )
    DPOP_NONCE_REQUIRED = (
        "The DPoP proof must contain the nonce from this response (RFC 9449 §9).",
        "Nothing: the client tries again with the nonce.",
    )
    SCOPE_MISSING = (
        "The token lacks a required scope.",
        "Connect again and allow the scope on the consent page. If the page does not offer the scope, add "
        "it to DOORWARD_RESOURCE_SCOPES (or to DOORWARD_RESOURCE_SERVERS) of the authorization server.",
    )
    GROUP_MISSING = (
        "The person is in no group that the policy allows this to.",
        "Add the person to one of the groups in the reason: `doorward groups add GROUP PERSON`, or at the "
        "identity provider. A group counts only if the access rules name it for this resource: see "
        "`doorward access show`.",
    )
    TASK_UNKNOWN = (
        "There is no such task of this person and client (SEP-2663).",
        "A task belongs to the person and the client that created it. Ids of tasks also end if the secret of "
        "the resource service changes.",
    )
    TASK_METHOD_UNAVAILABLE = (
        "Tasks cannot be listed, because the MCP server does not know whose they are. Revision 2026-07-28 "
        "has no tasks/result (SEP-2663)."
    )
    CONDITION_UNMET = (
        "The call does not meet a condition of the policy (`when`).",
        "The response says what is wrong with the arguments. If it does not, the condition is about the "
        "groups or scopes of the caller, or the time: see `when` in the policy.",
    )
    APPROVAL_NEEDED = (
        "The policy lets the call run only after a person has approved it (`approve`).",
        "The approver opens the link in the response. Then the client makes exactly the same call again.",
    )
    APPROVAL_DENIED = "The approver has denied the call."
    APPROVALS_PENDING = "Too many calls wait for the approver."
    CALL_NOT_APPROVABLE = "The call needs an approval, and nobody can approve it as it is."
    POLICY_CHANGED = "The policy has changed while the call waited for its approval."
    DEFINITION_HELD = (
        "The tool or prompt is new or has changed since it was approved, or the server does not list it.",
        "Approve what is right in the console (Definitions). At the command line, see "
        "`doorward tools diff POLICY`, and approve it with `doorward tools approve POLICY NAME`.",
    )
    LIST_UNREADABLE = (
        "The MCP server's list cannot be compared with what was approved: it is not available, compressed "
        "against the request, too large, or ambiguous.",
        "The reason names which. Correct the MCP server, or set `pin_changes: warn` in the policy.",
    )

    LOGIN_NOT_STRONG_ENOUGH = (
        "The tool needs a stronger or more recent login than the token was granted in (RFC 9470).",
        "Clients that know RFC 9470 ask for that login by themselves. For others, name the resource or a "
        "scope in DOORWARD_SECOND_FACTOR, and connect again.",
    )

    # The authorization server
    AUTHORIZATION_SERVER_UNREACHABLE = "The authorization server did not respond.", _REACH
    AUTHORIZATION_SERVER_FAILING = "The authorization server returned an error.", _REACH
    AUTHORIZATION_SERVER_MISMATCH = "The metadata is from another issuer.", _SAME_ISSUER
    INTROSPECTION_ANSWER_MALFORMED = "The introspection response violates RFC 7662 or RFC 9701."
    INTROSPECTION_CREDENTIALS_REFUSED = (
        "The authorization server rejected the credentials of this resource server.",
        _SAME_SECRET,
    )
    ALIAS_REFUSED = "The authorization server refused a forwarded request."

    # The connected account
    NOT_CONNECTED = (
        "The person has not connected an account for the MCP server.",
        "The person opens the link in the response, logs in and connects the account; then the call works.",
    )
    ACCOUNT_ENDED_MEANWHILE = (
        "The connected account was disconnected during the response.",
        "Usually nothing: the person disconnected or replaced the account. The next call has the new link.",
    )
    ACCOUNT_OF_NO_PERSON = (
        "The token is of a client that acts for itself, and only people connect accounts.",
        "Let a person log in through the client, or put the MCP server behind a mount with a fixed "
        "`authorization`.",
    )
    ACCOUNT_PROVIDER_UNAVAILABLE = (
        "The credential has expired, and the provider of the account does not renew it at the moment.",
        "Try again. The log of the authorization server says what the provider answered.",
    )
    ACCOUNT_NOT_CONFIGURED = (
        "The authorization server has no provider of accounts for the resource.",
        "Add `upstream_oauth` to the resource in DOORWARD_RESOURCE_SERVERS of the authorization server, or "
        "remove `connected_account` from the mount (DOORWARD_UPSTREAM_CONNECTED_ACCOUNT). For a joined URL, "
        "name the mount in `joins` of its resource.",
    )
    ACCOUNT_ANSWER_MALFORMED = (
        "The answer of the authorization server about the account cannot be understood.",
        "Run the same release of both services. The reason says what is wrong with the answer.",
    )
    APPROVAL_ANSWER_MALFORMED = (
        "The answer of the authorization server about an approval cannot be understood.",
        "Run the same release of both services.",
    )
    ACCOUNT_CREDENTIAL_REFUSED = (
        "The MCP server refuses the credential of the connected account, also after it was renewed.",
        "Compare the scopes of `upstream_oauth` with those that the MCP server needs; then the person "
        "disconnects the account and connects it again. See the log of the MCP server.",
    )

    # The request
    ORIGIN_NOT_ALLOWED = (
        "Pages of this web origin may not call the resource.",
        "To allow the page, add its origin to DOORWARD_ALLOWED_ORIGINS.",
    )
    MEDIA_TYPE_UNSUPPORTED = "According to the headers, the body is not JSON in UTF-8."
    MESSAGE_MALFORMED = "The body is not valid JSON-RPC, or parsers could read it differently."
    HEADERS_CONTRADICT_BODY = "A header contradicts the message in the body."
    MEDIA_TYPE_NOT_ACCEPTED = "The client does not accept the media types of Streamable HTTP."
    NOT_FORWARDABLE = "The query, a header or a number cannot be forwarded unchanged."
    SESSION_HEADER_INVALID = "Mcp-Session-Id is missing or repeated."
    SESSION_UNKNOWN = (
        "This user and client have no session with this id.",
        "Most clients start a new session automatically. Sessions end when the service restarts. Replicas "
        "need DOORWARD_RESOURCE_STORE and DOORWARD_REPLICA_URL to pass requests on to the one that has the "
        "session; without them, the proxy must route each session to the same replica.",
    )
    SESSION_UNREACHABLE = (
        "The process that has the session cannot be reached at the moment, or does not prove that it is one "
        "of this service. The request has not run.",
        "Try again. If this goes on, see the log: the replicas must reach each other at their "
        "DOORWARD_REPLICA_URL, and have the same DOORWARD_RESOURCE_SECRET.",
    )
    SESSION_BROKE_OFF = (
        "The connection to the process that has the session broke before its answer. The request may have "
        "run.",
        "Check what the call has changed before it is repeated. The log says how the connection ended.",
    )
    REQUEST_ID_IN_USE = "A request with this id is still in progress."
    REQUEST_CANCELLED = "The client cancelled the request."
    EVENTS_NOT_KEPT = "The events after Last-Event-ID are no longer stored."

    # Several mounts behind one URL
    JOINED_NAME_UNKNOWN = (
        "A name, URI or id begins with the name of no mount.",
        "Names behind the joined URL begin with that of the mount: github_list_issues, github+repo://a.",
    )
    JOINED_MOUNT_UNAVAILABLE = (
        "One mount behind the joined URL is not available.",
        "Check the MCP server of the mount; the reason in the log says how it failed.",
    )
    JOINED_METHOD_UNAVAILABLE = (
        "The method names no mount, so the joined URL cannot pass it on.",
        "Use the URL of the mount itself for this method.",
    )
    JOINED_CURSOR_INVALID = "A joined list has changed since the page that the cursor follows."
    JOINED_BATCH = "A batch was sent to the joined URL, which takes one message at a time."

    # The MCP server
    UPSTREAM_REFUSED = (
        "The MCP server refused the request.",
        "The reason contains the response of the MCP server; its log may say more.",
    )
    UPSTREAM_UNREACHABLE = (
        "The MCP server cannot be reached.",
        "Start the MCP server behind the gateway, and check that DOORWARD_UPSTREAM is its URL.",
    )
    UPSTREAM_BUSY = (
        "A limit on concurrent requests, answers or processes of the MCP server is reached.",
        "Try again. If this happens often, raise the setting that the reason names. The limit on large "
        "JSON answers is fixed: return smaller results, or answer with an event stream, which is not "
        "buffered.",
    )
    UPSTREAM_TIMEOUT = (
        "The MCP server did not respond in time.",
        "The MCP server behind the gateway hangs; see its log. If calls may take that long without "
        "output, raise DOORWARD_UPSTREAM_SILENCE_S.",
    )
    UPSTREAM_BROKE_OFF = "The connection to the MCP server broke.", _ITS_LOG
    UPSTREAM_STREAM_ENDED = (
        "The MCP server ended a stream before its answer.",
        "The MCP server behind the gateway ended the stream during a call; see its log.",
    )
    UPSTREAM_ANSWER_UNREADABLE = (
        "The response of the MCP server is not a JSON-RPC response to the request.",
        "The reason describes the error. Check that DOORWARD_UPSTREAM is the MCP endpoint of the server.",
    )
    UPSTREAM_ANSWER_TOO_LARGE = (
        "A JSON answer of the MCP server exceeds the limit.",
        "If the size is intended, raise DOORWARD_UPSTREAM_MAX_MESSAGE_BYTES, or let the MCP server answer "
        "with an event stream.",
    )
    UPSTREAM_CREDENTIALS_REFUSED = (
        "The MCP server rejected the credentials of the gateway.",
        "Set DOORWARD_UPSTREAM_AUTHORIZATION, or `authorization` of the mount, to a value that the MCP "
        "server accepts.",
    )
    UPSTREAM_REDIRECTS = (
        "The MCP server redirects to another address.",
        "Set DOORWARD_UPSTREAM, or `upstream` of the mount, to the address in the reason. The gateway "
        "follows only redirects that add or remove a trailing slash.",
    )
    UPSTREAM_REFUSES_HOST = (
        "The MCP server rejects the Host header.",
        "Set DOORWARD_UPSTREAM_HOST, or `host` of the mount, to a name that the MCP server accepts, often "
        "localhost with its port; or add the name in the reason to the allowed hosts of the MCP server.",
    )
    UPSTREAM_STATUS_INVALID = "The MCP server returned a status that cannot be forwarded.", _ITS_LOG
    UPSTREAM_SESSION_SHARED = "The MCP server issued one session id to two principals.", _ITS_LOG
    COMMAND_NOT_STARTED = "The command behind the gateway cannot be started, or exited at once.", _ITS_LOG
    COMMAND_ENDED = (
        "The command behind the gateway exited before its answer.",
        "The log of the resource service contains the standard error of the command.",
    )
    COMMAND_OUTPUT_UNREADABLE = "The command wrote a line that is not JSON-RPC.", _STDOUT
    COMMAND_OUTPUT_TOO_LARGE = (
        "The command wrote a line that exceeds the limit.",
        "If the size is intended, raise DOORWARD_STDIO_MAX_MESSAGE_BYTES.",
    )
    JOURNAL_UNAVAILABLE = (
        "The call cannot be recorded in the journal, and is not forwarded.",
        "Check the disk of DOORWARD_JOURNAL_DIRECTORY, and that the authorization server can be reached: it "
        "takes the events. With DOORWARD_JOURNAL_WHEN_FULL=drop, calls are forwarded without a record.",
    )
    SERVICE_STOPPING = "The service was stopped during the response."


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
