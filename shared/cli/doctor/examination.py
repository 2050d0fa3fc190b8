"""One run of the doctor: walk, judge and report, group by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from shared.cli.doctor.checks import DISCOVERY, LOGIN, connection
from shared.cli.doctor.discovery import discover
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.exchange import Exchange
from shared.cli.doctor.fetch import Fetcher, guarded
from shared.cli.doctor.judgement import Line, judge
from shared.cli.doctor.login.browser import system_browser
from shared.cli.doctor.login.forms import form_filler
from shared.cli.doctor.login.listener import DEFAULT_REDIRECT, listening
from shared.cli.doctor.login.options import LoginOptions
from shared.cli.doctor.login.walk import LoginWalk
from shared.cli.doctor.own_store import examine_store
from shared.cli.doctor.profiles import PORT, Profile
from shared.cli.doctor.urls import RedirectUriType, reach
from shared.cli.doctor.verdict import Check, Status

Groups = Mapping[str, tuple[Check, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a run.

    Attributes:
        timeout_s: for each exchange.
        ca_file: CA certificates to trust in addition to those of the system.
        login: None stops before the registration.
        store_url: of the authorization server's store, to examine it as well; None without access to it.
    """

    timeout_s: float = 10.0
    ca_file: Path | None = None
    profile: Profile | None = None
    login: LoginOptions | None = None
    store_url: str | None = None


@dataclass(slots=True, kw_only=True)
class Report:
    """The findings of a run.

    Attributes:
        unreachable: whether the MCP URL did not respond; the lines only say why.
    """

    mcp_url: str
    profile: Profile | None = None
    issuer: str | None = None
    groups: dict[str, list[Line]] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    unreachable: bool = False

    @property
    def lines(self) -> list[Line]:
        """Every line, in order."""
        return [line for lines in self.groups.values() for line in lines]

    def count(self, status: Status) -> int:
        """Count the lines with `status`."""
        return sum(line.status is status for line in self.lines)


@dataclass(frozen=True, slots=True)
class Tell:
    """Callbacks for progress messages during a run.

    Attributes:
        group: receives a heading with its lines, once they are judged.
        say: receives a message that the person must see at once.
    """

    group: Callable[[str, list[Line]], None] = lambda _heading, _lines: None
    say: Callable[[str], None] = lambda _text: None


async def examine(mcp_url: str, options: Options, tell: Tell) -> Report:
    """Take the steps of a client that starts at `mcp_url`, and judge the result.

    Raises:
        OSError: the loopback port for the login is unavailable, or `ca_file` cannot be read.
    """
    report = Report(mcp_url=mcp_url, profile=options.profile)
    async with _fetcher(mcp_url, options) as fetch:
        evidence = await discover(mcp_url, fetch, options.profile)
        report.issuer = evidence.named_issuer
        report.exchanges = fetch.exchanges
        if evidence.post.answer is None:
            report.unreachable = True
            report.groups = {"Connection": _why_unreachable(evidence, report.profile)}
            return report
        if options.store_url:
            await examine_store(options.store_url, evidence)
        _judge(DISCOVERY, evidence, report, tell)
        if options.login is not None:
            await _log_in(evidence, fetch=fetch, options=options, login=options.login, tell=tell)
            _judge(LOGIN, evidence, report, tell)
    return report


def _why_unreachable(evidence: Evidence, profile: Profile | None) -> list[Line]:
    """Return lines that say why the URL did not respond, the most specific first, and further obstacles."""
    lines = judge((connection.tls, connection.reachable, connection.hosted), evidence, profile)
    return [line for line in lines if line.status is Status.FAILURE]


def _fetcher(mcp_url: str, options: Options, *, keep_cookies: bool = False) -> Fetcher:
    # A proxy from the environment is for remote servers, not for servers on this machine.
    return Fetcher(
        timeout_s=options.timeout_s,
        ca_file=options.ca_file,
        use_proxy=reach(mcp_url) is not RedirectUriType.LOOPBACK,
        keep_cookies=keep_cookies,
    )


def _judge(groups: Groups, evidence: Evidence, report: Report, tell: Tell) -> None:
    for heading, checks in groups.items():
        report.groups[heading] = judge(checks, evidence, report.profile)
        tell.group(heading, report.groups[heading])


async def _log_in(
    evidence: Evidence, *, fetch: Fetcher, options: Options, login: LoginOptions, tell: Tell
) -> None:
    if evidence.server_document is None:
        return
    async with AsyncExitStack() as stack:
        listener = await stack.enter_async_context(listening(_redirect(options, login), login.redirect_port))
        visit = system_browser(tell.say)
        if login.username is not None:
            browser = await stack.enter_async_context(_fetcher(evidence.mcp_url, options, keep_cookies=True))
            ask = guarded(browser, evidence.mcp_url)
            visit = form_filler(ask, listener, login.username, login.password or "")
        await LoginWalk(
            evidence=evidence,
            ask=guarded(fetch, evidence.mcp_url),
            visit=visit,
            listener=listener,
            options=login,
        ).go()


def _redirect(options: Options, login: LoginOptions) -> str:
    """Return the redirect URI of the profile's client if that is on loopback with a free port."""
    if options.profile is None or login.client_id is not None:
        return DEFAULT_REDIRECT
    return next((uri for uri in options.profile.redirect_uris if PORT in uri), DEFAULT_REDIRECT)
