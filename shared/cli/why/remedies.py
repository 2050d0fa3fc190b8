"""What to do about the commonest reasons, the most particular first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shared.cli.why.entries import Entry


@dataclass(frozen=True, slots=True)
class Remedy:
    """Advice, and when it is given.

    Attributes:
        error: the code that the client was given, or none in particular.
        reason: a pattern in the event, the reason, or the detail.
    """

    error: str
    reason: str
    advice: str

    def fits(self, entry: Entry) -> bool:
        """Whether it is about that entry."""
        if self.error and entry.text("error") != self.error:
            return False
        said = "\n".join(map(entry.text, ("event", "reason", "detail")))
        return re.search(self.reason, said) is not None


REMEDIES = (
    Remedy(
        "",
        r"^unhandled error",
        "This is a defect, or something the service stands on has failed. The traceback above says where; "
        "report it with the traceback.",
    ),
    Remedy(
        "",
        r"credentials (of this|were refused)|the secret of the resource server is wrong",
        "Give both services the same secret: DOORWARD_RESOURCE_SECRET of the resource server is the "
        "secret that DOORWARD_RESOURCE_SERVERS of the authorization server names for "
        "DOORWARD_RESOURCE_SERVER_ID.",
    ),
    Remedy(
        "",
        r"the grant of the token is (revoked|gone)",
        "Somebody has ended this connection: the client, the person at /account, an operator, or the "
        "reuse of a refresh token. Connect the client again.",
    ),
    Remedy(
        "",
        r"the token has expired|expired at",
        "Clients refresh by themselves when a token ends. If this one goes on with it, disconnect and "
        "connect it again; if tokens end at once, compare the clocks of the machines.",
    ),
    Remedy(
        "",
        r"not a token of this installation",
        "The token is from another installation, or from before DOORWARD_MASTER_KEYS were changed or the "
        "data was deleted. Disconnect the client and connect it again.",
    ),
    Remedy(
        "",
        r"no resource of the caller's|not for this resource|^audience |\naudience ",
        "The token was issued for another URL. The URL that was pasted, DOORWARD_RESOURCE and the "
        "`resource` in DOORWARD_RESOURCE_SERVERS must be the same; then connect again.",
    ),
    Remedy(
        "",
        r"(\n|^)issuer |from another issuer",
        "DOORWARD_ISSUER must be the same, to the byte, for both services.",
    ),
    Remedy(
        "",
        r"too many failures",
        "Wait until the time is over that the page names. DOORWARD_LOGIN_FAILURES and "
        "DOORWARD_LOGIN_WINDOW_S say how many wrong passwords a network has.",
    ),
    Remedy(
        "",
        r"^login failed",
        "`doorward users list` shows who there is, `doorward users passwd NAME` sets a new password.",
    ),
    Remedy(
        "",
        r"no administrator",
        "`doorward users promote NAME` makes somebody an administrator.",
    ),
    Remedy(
        "",
        r"another host name than the public one",
        "If people or clients use that name, set the setting in the line above to a URL with it, as every "
        "announced URL comes from there. If a proxy puts it in place of the public one, let the proxy pass "
        "on the Host header as it came.",
    ),
    Remedy(
        "unauthorized",
        "",
        "A first request without a token is how every client begins: it then reads where to log in. If it "
        "never gets further, `doorward doctor URL` finds out what stops it.",
    ),
    Remedy(
        "insufficient_scope",
        "",
        "Connect again and leave the scope ticked on the consent page. If the page does not offer it, add "
        "it to the resource's scopes in DOORWARD_RESOURCE_SERVERS.",
    ),
    Remedy(
        "invalid_origin",
        "",
        "If the page at that origin may call this server, add the origin to DOORWARD_ALLOWED_ORIGINS.",
    ),
    Remedy(
        "invalid_dpop_proof",
        "",
        "The client signs proofs (DPoP) and this one was not for this request. Most often a proxy shows "
        "the client another URL than DOORWARD_RESOURCE, or the clocks differ.",
    ),
    Remedy(
        "use_dpop_nonce",
        "",
        "Nothing: the client tries again with the nonce that it was given.",
    ),
    Remedy(
        "temporarily_unavailable",
        r"the server cannot answer right now",
        "The authorization server does not reach its store. See that Redis is up and DOORWARD_STORE right.",
    ),
    Remedy(
        "temporarily_unavailable",
        r"no answer|Error|status 5",
        "The resource server does not reach the authorization server. See that it is up, and that "
        "DOORWARD_INTROSPECTION_ENDPOINT, or DOORWARD_ISSUER, leads to it from where the resource server "
        "runs.",
    ),
    Remedy(
        "",
        r"access token (has expired|was revoked)\.",
        "Nothing, where the client logs in or refreshes by itself; else disconnect it and connect it again. "
        "What was open ended with its token.",
    ),
    Remedy(
        "",
        r"ended the stream before it had answered",
        "The MCP server behind the gateway broke off in the middle of a call; its own log says more.",
    ),
    Remedy(
        "",
        r"DOORWARD_STDIO_MAX_MESSAGE_BYTES",
        "If answers of that size are meant to come, raise DOORWARD_STDIO_MAX_MESSAGE_BYTES.",
    ),
    Remedy(
        "",
        r"DOORWARD_UPSTREAM_MAX_MESSAGE_BYTES",
        "If answers of that size are meant to come, raise DOORWARD_UPSTREAM_MAX_MESSAGE_BYTES, or let the "
        "MCP server answer with a stream of events.",
    ),
    Remedy(
        "upstream_failed",
        r"answers \d+, but ",
        "The MCP server behind the gateway has answered what is no answer of JSON-RPC to the request; the "
        "reason says what is wrong with it. See that DOORWARD_UPSTREAM is its MCP endpoint.",
    ),
    Remedy(
        "upstream_failed",
        r"refuses our credentials",
        "Set DOORWARD_UPSTREAM_AUTHORIZATION, or the `authorization` of the mount, to what "
        "the MCP server takes.",
    ),
    Remedy(
        "",
        r"sent an event (that cannot be read|with an id)",
        "The MCP server behind the gateway answered the call with an event that is no answer of JSON-RPC to "
        "it; its own log says more.",
    ),
    Remedy(
        "",
        r"answer cannot be read|under an id that nobody asked with",
        "The command behind the gateway wrote what is no answer of JSON-RPC to its standard output. Print "
        "for people to standard error only; the line is in the log of the resource service.",
    ),
    Remedy(
        "",
        r"did not answer in time",
        "The MCP server behind the gateway hangs; its own log says more. If calls are meant to be quiet for "
        "so long, raise DOORWARD_UPSTREAM_SILENCE_S.",
    ),
    Remedy(
        "",
        r"the MCP server ended|MCP server ended before it had answered",
        "The command behind the gateway ended in the middle of a call; what it wrote to standard error is in "
        "the log of the resource service.",
    ),
    Remedy(
        "upstream_busy",
        "",
        "Try again. If it happens often, the reason names the limit: DOORWARD_UPSTREAM_CONNECTIONS and "
        "DOORWARD_STDIO_PROCESSES, or the share of one person (…_PER_PRINCIPAL).",
    ),
    Remedy(
        "upstream_unavailable",
        "",
        "Start the MCP server behind the gateway, and see that DOORWARD_UPSTREAM leads to it.",
    ),
    Remedy(
        "upstream_redirects",
        "",
        "Set DOORWARD_UPSTREAM, or the `upstream` of the mount, to the address in the reason. Only a "
        "redirect that adds or drops the slash at the end, at the same scheme, host and port, is followed.",
    ),
    Remedy(
        "upstream_refuses_host",
        "",
        "Set DOORWARD_UPSTREAM_HOST, or the `host` of the mount, to a name that the MCP server takes, often "
        "localhost with its port; or let it take the name in the reason (allowed hosts).",
    ),
    Remedy(
        "upstream_failed",
        "",
        "The MCP server behind the gateway has answered what cannot be passed on; its own log says more.",
    ),
    Remedy(
        "upstream_silent",
        "",
        "The MCP server behind the gateway hangs; its own log says more.",
    ),
    Remedy(
        "session_not_found",
        "",
        "Most clients begin a new session by themselves. Sessions end when the service is restarted; with "
        "more than one process, a proxy must keep each session on one of them.",
    ),
    Remedy(
        "",
        r"(\n|^)the MCP server says: ",
        "The MCP server itself has refused: what it says is in the reason, and its own log says more.",
    ),
    Remedy(
        "invalid_client",
        "",
        "The client remembers a registration that is gone, or shows a wrong secret. Make it forget: "
        "remove the connection in the client and add it again. `doorward clients list` shows who is "
        "registered.",
    ),
    Remedy(
        "invalid_grant",
        "",
        "The client must log in again; it does so by itself, or after it is disconnected and connected "
        "again.",
    ),
    Remedy(
        "invalid_target",
        "",
        "The client asked for a resource that is not known. Name the URL that people paste in "
        "DOORWARD_RESOURCE_SERVERS.",
    ),
    Remedy(
        "",
        r"redirect_uri|redirect URI",
        "The client sent another redirect URI than it has registered. Make it register again: remove the "
        "connection in the client and add it again.",
    ),
    Remedy(
        "",
        r"another browser|not given to this browser",
        "Begin again in the client, and go through to the end in one browser that keeps cookies.",
    ),
    Remedy(
        "access_denied",
        "",
        "Somebody pressed Deny, or may not log in any more. Connect again to be asked anew.",
    ),
    Remedy(
        "invalid_request",
        r"larger than \d+ bytes",
        "If messages of that size are meant to come, raise DOORWARD_MAX_BODY_BYTES, and the limit of the "
        "proxy.",
    ),
    Remedy(
        "not_found",
        "",
        "Nothing is served at that path. The MCP URL to paste is DOORWARD_RESOURCE; see that the proxy "
        "passes paths on as docs/configuration.md says.",
    ),
    Remedy(
        "invalid_token",
        "",
        "Disconnect the client and connect it again. The log of the authorization server says more, if it "
        "is among what was searched.",
    ),
)


def remedy(entries: Iterable[Entry]) -> str | None:
    """The advice for a request, if there is any."""
    entries = list(entries)
    return next((each.advice for each in REMEDIES if any(map(each.fits, entries))), None)
