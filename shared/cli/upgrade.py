"""``doorward upgrade``: whether processes of two releases can share the store, and the way back.

Exit status of `check`: 0 if a rolling upgrade is possible, 1 if it is not, 2 for wrong input, which includes
settings that this release does not have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from shared.cli.console import AsJson, NegativeResultError, Yes, confirm, output, print_json
from shared.cli.operations import record_command
from shared.cli.policy_files import deprecated_keys
from shared.cli.store import open_local_store
from shared.compatibility import FORMS, STORE_FORMAT, obstacles
from shared.version import VERSION

if TYPE_CHECKING:
    from auth_service.storage.release_record import ReleaseRecord, Releases

upgrade = typer.Typer(help="Check an upgrade before it, and confirm it after it.", no_args_is_help=True)

T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """The content of the store that decides about an upgrade.

    Attributes:
        record: of the releases; None if none of them writes one.
        document_version: the highest version of a stored document.
    """

    record: ReleaseRecord | None
    document_version: int


@dataclass(frozen=True)
class Finding:
    """A line of the report.

    Attributes:
        stops: whether it makes a rolling upgrade impossible.
    """

    about: str
    text: str
    stops: bool


@upgrade.command()
def check(
    *,
    policy: Annotated[Path | None, typer.Option(help="The policy file of the resource service.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check whether this release can run beside the one that uses the store, and why not.

    Run it with the new release, and the settings and the store of the running one. Nothing is changed.
    """
    state = asyncio.run(_with_releases(_read))
    # An unknown setting has ended the command before.
    settings = Finding("settings", "this release has every setting of the environment", stops=False)
    findings = [*_about_store(state), settings, *_about_policy(policy)]
    rolling = not any(each.stops for each in findings)
    if as_json:
        print_json([{"about": f.about, "text": f.text, "stops": f.stops} for f in findings])
    else:
        for each in findings:
            output.print(f"{'no ' if each.stops else 'yes'}  {each.about}: {each.text}", markup=False)
    if not rolling:
        raise NegativeResultError(
            "a rolling upgrade is not possible: mend what has a no, or stop all processes before the upgrade"
        )
    if not as_json:
        output.print(f"A rolling upgrade to {VERSION} is possible", markup=False)


@upgrade.command("confirm")
def confirm_upgrade(*, yes: Yes = False) -> None:
    """Confirm the upgrade to this release: releases with an earlier store format no longer start."""
    confirm(f"Close the way back from store format {STORE_FORMAT}?", yes=yes)
    record_command(store_format=STORE_FORMAT)
    asyncio.run(_with_releases(lambda releases: releases.confirm()))
    output.print(f"Confirmed: the store has format {STORE_FORMAT}", markup=False)


async def _with_releases(work: Callable[[Releases], Awaitable[T]]) -> T:
    from auth_service.storage.release_record import Releases

    async with open_local_store() as store:
        return await work(Releases(store))


async def _read(releases: Releases) -> State:
    return State(await releases.current(), await releases.newest_document_version())


def _about_store(state: State) -> Iterator[Finding]:
    from auth_service.storage.release_record import forms_of, newest_readable_version

    record = state.record
    running = record.release if record else "a release without a record in the store"
    reasons = [*obstacles(forms_of(record))]
    for reason in reasons:
        yield Finding("forms", reason, stops=True)
    if not reasons:
        names = ", ".join(form.name for form in FORMS)
        yield Finding(
            "forms", f"{VERSION} and {running} read what the other one writes: {names}", stops=False
        )
    newest = newest_readable_version()
    yield Finding(
        "documents",
        f"the highest version in the store is {state.document_version}; this release reads up to {newest}",
        stops=state.document_version > newest,
    )
    yield _about_way_back(record)


def _about_way_back(record: ReleaseRecord | None) -> Finding:
    confirmed = record.confirmed if record else STORE_FORMAT
    if confirmed < STORE_FORMAT - 1:
        text = (
            f"the upgrade from store format {confirmed} is not confirmed, so processes with it may still run;"
            " first run `doorward upgrade confirm` with the running release"
        )
        return Finding("way back", text, stops=True)
    if confirmed > STORE_FORMAT:
        text = f"store format {confirmed} was confirmed; this release has {STORE_FORMAT} and will not start"
        return Finding("way back", text, stops=True)
    if confirmed == STORE_FORMAT:
        return Finding("way back", "the store format does not change, so it stays open", stops=False)
    return Finding("way back", "open until `doorward upgrade confirm`", stops=False)


def _about_policy(file: Path | None) -> Iterator[Finding]:
    if file is None:
        return
    old = deprecated_keys(file)
    for key, use in old.items():
        text = f"{file}: {key} is read by this release for the last time; write {use}"
        yield Finding("policy", text, stops=False)
    if not old:
        yield Finding("policy", f"{file}: this release reads every key", stops=False)
