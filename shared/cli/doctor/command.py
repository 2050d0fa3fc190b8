"""``doorward doctor``: the options and the exit status."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from shared.cli.console import errors, output
from shared.cli.doctor.documentation import tables
from shared.cli.doctor.examination import Options, Report, Tell, examine
from shared.cli.doctor.login.options import LoginOptions
from shared.cli.doctor.profiles import PROFILES
from shared.cli.doctor.report import print_group, print_requests, print_summary, print_unreachable, to_json
from shared.cli.doctor.text import printable
from shared.cli.doctor.urls import is_web_url
from shared.cli.doctor.verdict import Status

COULD_NOT_RUN = 2


def _print_tables(wanted: bool) -> None:
    if wanted:
        output.print(tables(), markup=False)
        raise typer.Exit


def _known_profile(name: str | None) -> str | None:
    if name is not None and name not in PROFILES:
        raise typer.BadParameter(f"one of {', '.join(PROFILES)}")
    return name


def doctor(
    mcp_url: Annotated[str, typer.Argument(help="The URL that people paste into their client.")],
    *,
    login: Annotated[
        bool, typer.Option("--login", help="Also log in, in the browser, and run all checks after it.")
    ] = False,
    profile: Annotated[
        str | None,
        typer.Option(callback=_known_profile, help=f"Check for one client: {', '.join(PROFILES)}."),
    ] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    username: Annotated[
        str | None,
        typer.Option(help=("With --login: fill in the login form with this username, without a browser.")),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    client_id: Annotated[str | None, typer.Option(help="With --login: use this registered client.")] = None,
    client_secret: Annotated[
        str | None,
        typer.Option(envvar="DOORWARD_DOCTOR_CLIENT_SECRET", hidden=True, help="The secret of that client."),
    ] = None,
    redirect_port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help=("Loopback port of the redirect URI; 0 for any. The path is /callback.")
        ),
    ] = 0,
    scope: Annotated[str | None, typer.Option(help="With --login: scopes to request.")] = None,
    tool: Annotated[
        str | None, typer.Option(help="With --login: call this tool without arguments, to test a step-up.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for each request.")] = 10.0,
    patience: Annotated[float, typer.Option(min=1, help="Seconds to wait for the login.")] = 300.0,
    ca_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Additional certificates to trust.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Also examine the authorization server's store: its URL, or env:DOORWARD_STORE.",
        ),
    ] = None,
    requests: Annotated[bool, typer.Option("--requests", help="Also print every request.")] = False,
    _list: Annotated[
        bool,
        typer.Option(
            "--list-checks", callback=_print_tables, is_eager=True, help=("Print the list of checks.")
        ),
    ] = False,
) -> None:
    """Check an MCP server from outside: take the steps of a client, and report what would stop one.

    The exit status is 0 if nothing would, 1 if something would, 2 if the check could not run.
    """
    if not is_web_url(mcp_url):
        _could_not_run(f"{printable(mcp_url, 100)} is not an http or https URL")
    if (username is None) is password_stdin:
        _could_not_run("--username and --password-stdin go together")
    if not login and any((username, client_id, scope, tool)):
        _could_not_run("--username, --client-id, --scope and --tool require --login")
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    options = LoginOptions(
        username=username,
        password=password,
        client_id=client_id,
        client_secret=client_secret,
        redirect_port=redirect_port,
        scope=scope,
        tool=tool,
        patience_s=patience,
    )
    chosen = Options(
        timeout_s=timeout,
        ca_file=ca_file,
        profile=PROFILES[profile] if profile else None,
        login=options if login else None,
        store_url=store,
    )
    tell = Tell(say=lambda text: errors.print(text, markup=False)) if as_json_ else _telling()
    report = _run(mcp_url, chosen, tell)
    _print(report, as_json=as_json_, requests=requests)
    raise typer.Exit(1 if report.count(Status.FAILURE) else 0)


def _telling() -> Tell:
    return Tell(
        group=lambda heading, lines: print_group(output.console, heading, lines),
        say=lambda text: output.print(f"\n{text}", markup=False),
    )


def _run(mcp_url: str, options: Options, tell: Tell) -> Report:
    try:
        return asyncio.run(examine(mcp_url, options, tell))
    except (OSError, ValueError) as error:
        _could_not_run(printable(str(error), 500))


def _print(report: Report, *, as_json: bool, requests: bool) -> None:
    if as_json:
        print(to_json(report))  # noqa: T201 -- for programs, so without terminal formatting
        return
    if requests:
        print_requests(output.console, report.exchanges)
    if report.unreachable:
        print_unreachable(output.console, report)
    else:
        print_summary(output.console, report)


def _could_not_run(reason: str) -> NoReturn:
    errors.print(f"doorward doctor: {reason}", style="red", markup=False)
    raise typer.Exit(COULD_NOT_RUN)
