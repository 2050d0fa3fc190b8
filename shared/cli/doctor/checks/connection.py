"""Rules for the connection: the hosts are reachable, securely, at the URL that a person pastes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.exchange import CERTIFICATE_TROUBLES, Exchange
from shared.cli.doctor.text import printable, quoted
from shared.cli.doctor.urls import RedirectUriType, is_address, is_secure, origin, reach
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped
from shared.host_refusals import MAX_REFUSAL_BYTES, refuses_host

EXPIRES_SOON_S = 14 * 86_400
SKEW_S = 60
SLOW_S = 5.0
MAX_SHOWN = 120


def discovery_exchanges(evidence: Evidence) -> Iterator[Exchange]:
    """Return every exchange before the login."""
    single = (
        *(evidence.pasted, evidence.post, evidence.get, evidence.head, evidence.other_spelling),
        *(evidence.keys, evidence.unknown_client_token, evidence.unknown_client_authorize),
    )
    yield from (exchange for exchange in single if exchange is not None)
    yield from evidence.well_knowns


@check(
    "reachable",
    "The MCP URL responds",
    meaning="Without a response, nothing else can be checked. The name does not resolve, the port is "
    "closed, or the server hangs.",
    fix="Start the MCP server, and check the host name, the port and the firewall.",
)
def reachable(evidence: Evidence) -> Verdict:
    exchange = evidence.post
    if exchange.answer is not None:
        return ok(f"in {exchange.seconds:.2f} s")
    detail = f" ({printable(exchange.detail, 120)})" if exchange.detail else ""
    return problem(f"{quoted(exchange.url)}: {exchange.trouble}{detail}")


@check(
    "tls",
    "Every host has a valid certificate for its name",
    meaning="Clients refuse a certificate that has expired, is for another name, or is from an unknown "
    "authority. Few of them show the reason.",
    fix="Install a certificate from a public authority for this exact host name, with its intermediate "
    "certificates, and renew it before it expires. For `doorward up --https`, see `doorward trust`.",
)
def tls(evidence: Evidence) -> Verdict:
    bad = [item for item in discovery_exchanges(evidence) if item.trouble in CERTIFICATE_TROUBLES]
    if bad:
        return problem(f"{quoted(origin(bad[0].url))}: {bad[0].trouble} ({printable(bad[0].detail, 120)})")
    if not any(item.url.startswith("https://") for item in discovery_exchanges(evidence)):
        return skipped("no request used TLS")
    return ok()


@check(
    "tls-expiry",
    "No certificate expires soon",
    meaning="When a certificate expires, all clients stop working at once.",
    fix="Renew the certificate now, and check why it was not renewed automatically.",
    weight=Status.WARNING,
)
def tls_expiry(evidence: Evidence) -> Verdict:
    ends = {
        origin(item.url): item.answer.certificate_ends_at - item.answer.received_at
        for item in discovery_exchanges(evidence)
        if item.answer is not None and item.answer.certificate_ends_at is not None
    }
    if not ends:
        return skipped("no request used TLS")
    host, left_s = min(ends.items(), key=lambda item: item[1])
    observation = f"{quoted(host)}: {left_s / 86_400:.0f} days left"
    return problem(observation) if left_s < EXPIRES_SOON_S else ok(observation)


@check(
    "https",
    "Every URL uses https",
    meaning="Clients refuse plain http except on loopback hosts, because anyone on the network could read "
    "the tokens (OAuth 2.1 §1.5).",
    fix="Serve the URL over https, and use the https URL in the settings of both services.",
)
def https(evidence: Evidence) -> Verdict:
    members = ("authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint")
    announced = (evidence.named_issuer, *(evidence.server_url(member) for member in members))
    urls = [evidence.mcp_url, *(url for url in announced if url)]
    plain = [url for url in urls if not is_secure(url)]
    return problem(f"{quoted(plain[0])} is plain http") if plain else ok()


@check(
    "hosted",
    "Hosted clients can reach every host",
    meaning="Claude and ChatGPT connect from their vendor's network, even in the desktop and mobile apps. "
    "They cannot reach localhost, private addresses, internal host names, or ports other than "
    "443.",
    fix="Serve both services under public host names over https on port 443, behind a proxy with TLS or "
    "through a tunnel. To use only this machine, choose a local client such as Claude Code or VS "
    "Code.",
)
def hosted(evidence: Evidence) -> Verdict:
    if evidence.profile is None or not evidence.profile.hosted:
        return skipped("only for the hosted clients: --profile claude and chatgpt")
    # The authorization endpoint is opened by the person's own browser.
    members = ("token_endpoint", "registration_endpoint", "revocation_endpoint", "jwks_uri")
    announced = (evidence.named_issuer, *(evidence.server_url(member) for member in members))
    for url in (evidence.mcp_url, *announced):
        if url and (obstacle := _never_reached(url)):
            return problem(f"{quoted(url)} {obstacle}")
    return ok()


def _never_reached(url: str) -> str | None:
    """Explain why `url` is unreachable from the public Internet; None if it may be reachable."""
    parts = urlsplit(url)
    match reach(url):
        case RedirectUriType.LOOPBACK:
            return "means the local machine, and cannot be reached from elsewhere"
        case RedirectUriType.PRIVATE:
            return "is in a private network, and cannot be reached from outside"
    if parts.scheme != "https":
        return "uses plain http, which hosted clients refuse"
    if parts.port not in (None, 443):
        return f"is on port {parts.port}; hosted clients reach only port 443"
    return "is an address, not a host name" if is_address(parts.hostname or "") else None


@check(
    "http-upgrade",
    "Plain http redirects to https",
    meaning="A URL that is pasted with http:// should still work, but only a redirect should be served "
    "over plain http.",
    fix=(
        "Answer plain http with a permanent redirect (308) to the same path over https, or do not serve it."
    ),
    weight=Status.WARNING,
)
def http_upgrade(evidence: Evidence) -> Verdict:
    exchange = evidence.plain_http
    if exchange is None:
        return skipped("the URL is not https on port 443")
    if exchange.answer is None:
        return ok("plain http is not served")
    location = exchange.answer.header("location") or ""
    if exchange.answer.redirects and location.startswith("https://"):
        return ok(f"{exchange.status} to {quoted(location)}")
    return problem(f"{quoted(exchange.url)} answers {exchange.status}")


@check(
    "host",
    "The MCP server accepts the host name that people paste",
    meaning="To prevent DNS rebinding, servers answer unexpected host names with 421, or with 400 or 403 "
    "and a message about the host. A proxy often changes the name.",
    fix="Add the host name to the allowed hosts of the MCP server, or configure the proxy to send a Host "
    "header that the server accepts.",
)
def host(evidence: Evidence) -> Verdict:
    answer = evidence.post.answer
    if answer is None:
        return skipped("there is no response")
    if not refuses_host(answer.status, answer.body[:MAX_REFUSAL_BYTES]):
        return ok()
    text = printable(answer.body[:MAX_SHOWN].decode("utf-8", "replace"))
    return problem(f"{quoted(origin(evidence.endpoint))} answers {answer.status}: {text}")


@check(
    "redirect",
    "The MCP URL responds without a redirect",
    meaning="Most clients do not follow redirects of POST, or drop the token. Web frameworks redirect to "
    "add a trailing slash, and behind a proxy to http.",
    fix="Serve the MCP endpoint at exactly the URL that people paste. Disable slash redirects in the "
    "framework, and configure its public https URL.",
)
def redirect(evidence: Evidence) -> Verdict:
    answer = evidence.pasted.answer
    if answer is None:
        return skipped("there is no response")
    if not answer.redirects:
        return ok()
    return problem(f"POST answers {answer.status} to {quoted(answer.header('location') or '')}")


@check(
    "trailing-slash",
    "A trailing slash makes no difference",
    meaning="People paste both forms, and some clients add or remove the slash.",
    fix="Serve the MCP endpoint with and without the trailing slash, without redirects.",
    weight=Status.WARNING,
)
def trailing_slash(evidence: Evidence) -> Verdict:
    other = evidence.other_spelling
    if other is None:
        return skipped("the URL has no path")
    if evidence.post.answer is None or other.status == evidence.post.status:
        return ok()
    answer = other.answer
    to = f" to {quoted(answer.header('location') or '')}" if answer and answer.redirects else ""
    return problem(
        f"{quoted(other.url)} answers {other.status or other.trouble}{to}, not {evidence.post.status}"
    )


@check(
    "clock",
    "The clocks of the servers are right",
    meaning="Tokens and client assertions contain times. If a clock is wrong, valid ones seem expired or "
    "not yet valid.",
    fix="Synchronize the clock of that machine with NTP.",
    weight=Status.WARNING,
)
def clock(evidence: Evidence) -> Verdict:
    skews = dict(_skews(discovery_exchanges(evidence)))
    if not skews:
        return skipped("no response has a Date header")
    host, skew_s = max(skews.items(), key=lambda item: abs(item[1]))
    if abs(skew_s) <= SKEW_S:
        return ok()
    direction = "ahead" if skew_s > 0 else "behind"
    own = " (or the clock here is off: all of them differ alike)" if _alike(list(skews.values())) else ""
    return problem(f"{quoted(host)} is {abs(skew_s):.0f} s {direction}{own}")


def _skews(exchanges: Iterator[Exchange]) -> Iterator[tuple[str, float]]:
    for exchange in exchanges:
        date = exchange.answer.header("date") if exchange.answer else None
        if exchange.answer is None or not date:
            continue
        try:
            server_time = parsedate_to_datetime(date)
        except (ValueError, OverflowError):
            continue
        server_time = server_time if server_time.tzinfo else server_time.replace(tzinfo=UTC)
        yield (
            origin(exchange.url),
            (server_time - datetime.fromtimestamp(exchange.answer.received_at, UTC)).total_seconds(),
        )


def _alike(skews: list[float]) -> bool:
    return len(skews) > 1 and max(skews) - min(skews) < SKEW_S


@check(
    "speed",
    "Every response is fast",
    meaning="Clients give up: Claude allows 10 seconds each for all requests of discovery, registration "
    "and token.",
    fix="Find the cause of the delay at that URL: a cold start, a slow lookup, or a buffering proxy.",
    weight=Status.WARNING,
)
def speed(evidence: Evidence) -> Verdict:
    slowest = max(discovery_exchanges(evidence), key=lambda item: item.seconds)
    observation = f"{quoted(urlsplit(slowest.url).path or '/')} took {slowest.seconds:.1f} s"
    return problem(observation) if slowest.seconds > SLOW_S else ok(f"slowest {slowest.seconds:.2f} s")


CHECKS = (
    reachable,
    tls,
    tls_expiry,
    https,
    hosted,
    http_upgrade,
    host,
    redirect,
    trailing_slash,
    clock,
    speed,
)
