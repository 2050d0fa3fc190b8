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
    "The MCP URL answers",
    meaning="Nothing else can be tried. A name that does not resolve, a port that is closed, a server that"
    " hangs.",
    fix="Start the MCP server, and check the name, the port and the firewall of the URL.",
)
def reachable(evidence: Evidence) -> Verdict:
    exchange = evidence.post
    if exchange.answer is not None:
        return ok(f"in {exchange.seconds:.2f} s")
    detail = f" ({printable(exchange.detail, 120)})" if exchange.detail else ""
    return problem(f"{quoted(exchange.url)}: {exchange.trouble}{detail}")


@check(
    "tls",
    "Every host shows a certificate that is good for its name",
    meaning="Clients refuse a certificate that is expired, for another name, or from an authority they do not"
    " know, and few of them say so.",
    fix="Install a certificate from a public authority for this very host name, with its intermediate"
    " certificates, and renew it before it expires.",
)
def tls(evidence: Evidence) -> Verdict:
    bad = [item for item in discovery_exchanges(evidence) if item.trouble in CERTIFICATE_TROUBLES]
    if bad:
        return problem(f"{quoted(origin(bad[0].url))}: {bad[0].trouble} ({printable(bad[0].detail, 120)})")
    if not any(item.url.startswith("https://") for item in discovery_exchanges(evidence)):
        return skipped("nothing was asked over TLS")
    return ok()


@check(
    "tls-expiry",
    "No certificate is about to expire",
    meaning="When it does, every client stops at once.",
    fix="Renew the certificate now, and see why it was not renewed by itself.",
    weight=Status.WARNING,
)
def tls_expiry(evidence: Evidence) -> Verdict:
    ends = {
        origin(item.url): item.answer.certificate_ends_at - item.answer.received_at
        for item in discovery_exchanges(evidence)
        if item.answer is not None and item.answer.certificate_ends_at is not None
    }
    if not ends:
        return skipped("nothing was asked over TLS")
    host, left_s = min(ends.items(), key=lambda item: item[1])
    observation = f"{quoted(host)}: {left_s / 86_400:.0f} days left"
    return problem(observation) if left_s < EXPIRES_SOON_S else ok(observation)


@check(
    "https",
    "Every URL is https",
    meaning="Clients refuse plain http but for loopback hosts, and tokens would travel in the clear (OAuth"
    " 2.1 §1.5).",
    fix="Serve it over https, and put the https URL into the settings of both services.",
)
def https(evidence: Evidence) -> Verdict:
    members = ("authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint")
    announced = (evidence.named_issuer, *(evidence.server_url(member) for member in members))
    urls = [evidence.mcp_url, *(url for url in announced if url)]
    plain = [url for url in urls if not is_secure(url)]
    return problem(f"{quoted(plain[0])} is plain http") if plain else ok()


@check(
    "hosted",
    "A client in its vendor's cloud reaches every host",
    meaning="Claude and ChatGPT connect from their vendor's network, in the desktop and mobile apps too: they"
    " never reach localhost, a private address, a name that only your network knows, or a port other than"
    " 443.",
    fix="Serve both services under public host names on https, port 443: behind a proxy with TLS, or through"
    " a tunnel. For this machine alone, use a client that runs on it, like Claude Code or VS Code.",
)
def hosted(evidence: Evidence) -> Verdict:
    if evidence.profile is None or not evidence.profile.hosted:
        return skipped("only for --profile claude and chatgpt, which are hosted")
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
            return "is this machine to everybody who asks, and never reached from elsewhere"
        case RedirectUriType.PRIVATE:
            return "is in a private network, and never reached from outside"
    if parts.scheme != "https":
        return "is plain http, and never asked"
    if parts.port not in (None, 443):
        return f"is on port {parts.port}, and only 443 is ever reached"
    return "is an address and not a host name" if is_address(parts.hostname or "") else None


@check(
    "http-upgrade",
    "Plain http leads to https",
    meaning="Somebody who pastes the URL with http:// should get there, and nothing but a redirect should be"
    " served in the clear.",
    fix="Answer plain http with a permanent redirect (308) to the same path over https, or not at all.",
    weight=Status.WARNING,
)
def http_upgrade(evidence: Evidence) -> Verdict:
    exchange = evidence.plain_http
    if exchange is None:
        return skipped("the URL is not https on its usual port")
    if exchange.answer is None:
        return ok("plain http is not served")
    location = exchange.answer.header("location") or ""
    if exchange.answer.redirects and location.startswith("https://"):
        return ok(f"{exchange.status} to {quoted(location)}")
    return problem(f"{quoted(exchange.url)} answers {exchange.status}")


@check(
    "host",
    "The MCP server takes the host name that people paste",
    meaning="Servers answer 421, or 400 or 403 with words about the host, to names that they do not expect,"
    " so that web pages cannot rebind one of theirs to them. Behind a proxy the name is often another one.",
    fix="Add the host name to the allowed hosts of the MCP server, or let the proxy in front of it send a"
    " Host header that it takes.",
)
def host(evidence: Evidence) -> Verdict:
    answer = evidence.post.answer
    if answer is None:
        return skipped("there is no answer")
    if not refuses_host(answer.status, answer.body[:MAX_REFUSAL_BYTES]):
        return ok()
    text = printable(answer.body[:MAX_SHOWN].decode("utf-8", "replace"))
    return problem(f"{quoted(origin(evidence.endpoint))} answers {answer.status}: {text}")


@check(
    "redirect",
    "The MCP URL answers itself, without a redirect",
    meaning="Most clients do not follow a redirect of a POST, or lose the token on the way. Web frameworks"
    " redirect to put a trailing slash on, and behind a proxy to http.",
    fix="Serve the MCP endpoint at the very URL that people paste: turn off the framework's slash"
    " redirects, and let it know its public https URL.",
)
def redirect(evidence: Evidence) -> Verdict:
    answer = evidence.pasted.answer
    if answer is None:
        return skipped("there is no answer")
    if not answer.redirects:
        return ok()
    return problem(f"POST answers {answer.status} to {quoted(answer.header('location') or '')}")


@check(
    "trailing-slash",
    "With and without a trailing slash the answer is the same",
    meaning="People paste both, and some clients put a slash on or take it off.",
    fix="Serve the MCP endpoint with and without the trailing slash, without a redirect from one to the"
    " other.",
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
    meaning="Tokens and client assertions begin and end by the clock: one that is off makes good ones"
    " expired, or not yet valid.",
    fix="Let the clock of that machine be set by NTP.",
    weight=Status.WARNING,
)
def clock(evidence: Evidence) -> Verdict:
    skews = dict(_skews(discovery_exchanges(evidence)))
    if not skews:
        return skipped("no answer carries a Date header")
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
    "Every answer comes quickly",
    meaning="Clients give up; Claude after 10 seconds for discovery, registration and token each, all"
    " requests of a step together.",
    fix="Find out what that URL waits for: a cold start, a slow lookup, a proxy that buffers.",
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
