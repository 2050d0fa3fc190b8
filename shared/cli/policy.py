"""``doorward policy``: draft, check and test a policy, and export its scopes for the authorization server."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.console import (
    AsJson,
    CommandError,
    NegativeResultError,
    output,
    print_json,
    print_table,
    printable,
)
from shared.cli.policy_draft import draft
from shared.cli.policy_files import cases_in, policy_in
from shared.cli.resource_variables import scopes_text

if TYPE_CHECKING:
    from resource_service.policy.approvals import Approvals
    from resource_service.policy.conditions import Conditions
    from resource_service.policy.limits import Limits
    from resource_service.policy.published import PublishedScope

policy = typer.Typer(
    help="Draft, check and test the scopes that the tools of an MCP server require.", no_args_is_help=True
)

policy.command()(draft)

File = Annotated[Path, typer.Argument(help="The policy.")]


@policy.command()
def check(file: File) -> None:
    """Check that a policy is valid, and list scopes, groups, conditions, approvals and limits."""
    from resource_service.policy.published import described, group_uses

    policy = policy_in(file)
    cases_in(file)
    lines = (
        _scope_lines(described(policy)),
        _group_lines(group_uses(policy)),
        _condition_lines(policy.when),
        _approval_lines(policy.approve),
        _limit_lines(policy.limits),
    )
    for line in chain.from_iterable(lines):
        output.print(line, markup=False)


@policy.command("test")
def run_tests(file: File, as_json: AsJson = False) -> None:
    """Run the tests in a policy: does it decide as each of them expects? Exit status 1 if not."""
    from resource_service.policy.cases import outcome

    policy, cases = policy_in(file), cases_in(file)
    if not cases:
        raise CommandError(f"{file}: the policy has no tests")
    outcomes = {name: outcome(policy, case) for name, case in cases.items()}
    failed = {name for name, case in cases.items() if outcomes[name] != case.expected}
    if as_json:
        print_json(
            {"test": name, "expected": case.expected, "outcome": outcomes[name], "passed": name not in failed}
            for name, case in cases.items()
        )
    else:
        for name, case in cases.items():
            line = f"passed  {printable(name)}"
            if name in failed:
                line = f"failed  {printable(name)}: {case.expected} is expected, but it is {outcomes[name]}"
            output.print(line, markup=False)
    if failed:
        raise NegativeResultError(f"{len(failed)} of {len(cases)} tests of the policy failed")


@policy.command()
def replay(
    file: File,
    events: Annotated[
        typer.FileText, typer.Argument(help="Events of `doorward audit export`, by default standard input.")
    ] = "-",  # type: ignore[assignment]
    resource: Annotated[str | None, typer.Option(help="Only calls of this resource.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print what a policy decides differently about the calls in a journal. Exit status 1 if anything."""
    from shared.cli.policy_replay import replayed

    summary = replayed(policy_in(file), events, resource)
    if as_json:
        print_json(summary.rows())
    else:
        print_table(("calls", "people", "name", "was", "would be"), summary.lines())
        output.print(str(summary), markup=False)
    if summary.changes:
        raise NegativeResultError(f"{summary.changed} of {summary.calls} calls would be decided differently")


@policy.command()
def scopes(
    file: File,
    resource: Annotated[
        str, typer.Option(envvar="DOORWARD_RESOURCE", help="The URL that people paste.")
    ] = "https://mcp.example.com/mcp",
    name: Annotated[
        str, typer.Option(envvar="DOORWARD_RESOURCE_NAME", help="Name on the consent page.")
    ] = "MCP server",
    *,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the entry for `resources` in DOORWARD_RESOURCE_SERVERS instead."),
    ] = False,
) -> None:
    """Print DOORWARD_RESOURCE_SCOPES for the authorization server."""
    scopes = dict(policy_in(file).scopes)
    if as_json:
        entry = {"resource": resource, "name": name, "scopes": scopes}
        output.print(json.dumps(entry, indent=2, ensure_ascii=False), markup=False)
        return
    text = scopes_text(scopes)
    if text is None:
        raise CommandError(
            "a scope contains `=` or `;`, or a description `;`: use --json, and DOORWARD_RESOURCE_SERVERS"
        )
    output.print(f"DOORWARD_RESOURCE_SCOPES={shlex.quote(text)}", markup=False)


def _scope_lines(scopes: dict[str, PublishedScope]) -> Iterator[str]:
    if not scopes:
        yield "The policy defines no scopes: any valid token gives access to everything."
    for scope, published in scopes.items():
        yield f"{scope}: {published.description}"
        for what, names in (
            ("includes", published.includes),
            ("tools", published.tools),
            ("prompts", published.prompts),
            ("resources", published.resources),
        ):
            if names:
                yield f"  {what}: {', '.join(names)}"
        if published.everything_else:
            yield "  everything else"


def _group_lines(groups: dict[str, list[str]]) -> Iterator[str]:
    for group, uses in groups.items():
        yield f"group {group}: one of the groups that may use"
        yield from (f"  {use}" for use in uses)
    if groups:
        yield "A group counts only if the access rules name it for the resource: see `doorward access show`."


def _condition_lines(conditions: Conditions) -> Iterator[str]:
    for pattern, alternatives in conditions.items():
        yield f"tool {pattern}: only when"
        yield from (f"  {'or ' if number else ''}{each}" for number, each in enumerate(alternatives))


def _approval_lines(approvals: Approvals) -> Iterator[str]:
    for pattern, rule in approvals.items():
        yield f"tool {pattern}: only after an approval by {rule.by}"
        yield from (f"  {'or ' if number else ''}unless {each}" for number, each in enumerate(rule.unless))


def _limit_lines(limits: Limits) -> Iterator[str]:
    from resource_service.policy.limits import described

    for name, limit in limits.items():
        yield f"limit {name}: {described(limit)}"
        yield from (f"  {kind}: {', '.join(patterns)}" for kind, patterns in limit.selected.items())
    if limits:
        yield "Processes count together only if they share a store: see DOORWARD_RESOURCE_STORE."
