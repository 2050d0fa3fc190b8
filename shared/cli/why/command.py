"""``doorward why``: the options and the exit status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from shared.cli.console import CommandError, NegativeResultError, output
from shared.cli.doctor.text import printable
from shared.cli.why.entries import Entry
from shared.cli.why.remedies import remedy
from shared.cli.why.sources import sources
from shared.cli.why.story import Scene, entries_of, scenes_of


def why(
    request_id: Annotated[
        str, typer.Argument(help="Request id: X-Request-Id, request_id, or the id on the error page.")
    ],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Log files to search; - is standard input.")
    ] = None,
    data_dir: Annotated[Path, typer.Option(help="Log directory of `doorward up`.")] = Path(".doorward"),
    journal: Annotated[
        bool, typer.Option("--journal", help="Search the journal instead, also for a grant or client id.")
    ] = False,
) -> None:
    """Say why a request was refused, from the logs of both services.

    Searches the logs of `doorward up`, then what is piped in:

        docker compose logs auth resource | doorward why ID

    With --journal, the settings of the authorization server say where the journal is.

    The exit status is 1 if nothing is found.
    """
    wanted = request_id.strip().lower()
    if not wanted:
        raise CommandError("the request id is empty")
    if journal:
        _from_journal(request_id.strip())
        return
    looked_at = []
    for source in sources(files or [], data_dir):
        looked_at.append(source.name)
        if entries := entries_of(wanted, source.entries()):
            _print(entries)
            return
    raise NegativeResultError(_nothing(wanted, looked_at, data_dir))


def _from_journal(wanted: str) -> None:
    from shared.cli.why.journal import journal_entries

    # Ids of requests are lowercase; those of grants and clients are not.
    entries = journal_entries(wanted) or (journal_entries(wanted.lower()) if wanted != wanted.lower() else [])
    if not entries:
        raise NegativeResultError(f"{printable(wanted, 60)} was not found in the journal")
    _print(entries)


def _print(entries: list[Entry]) -> None:
    for scene in scenes_of(entries):
        for line in _lines(scene):
            output.print(line)
    if advice := remedy(entries):
        output.print(Text("What to do", style="bold"))
        output.print(Text(f"  {advice}"))


def _lines(scene: Scene) -> Iterator[Text]:
    yield Text.assemble((scene.where, "bold"), (f"  {scene.when}", "dim"))
    yield from (Text(f"  {sentence}") for sentence in scene.sentences)
    yield from (Text(f"    {line}", style="dim") for line in scene.traceback)
    yield Text()


def _nothing(wanted: str, looked_at: list[str], data_dir: Path) -> str:
    places = " and ".join(printable(place, 300) for place in looked_at)
    searched = (
        f"{printable(wanted, 60)} was not found in {places}" if places else f"there is no log in {data_dir}"
    )
    return "\n  ".join(
        (
            searched,
            "With docker compose: docker compose logs --no-color auth resource | doorward why ID",
            "For log files: doorward why ID FILE …; for another directory of `doorward up`: --data-dir.",
            "Deleted logs, and lines below DOORWARD_LOG_LEVEL, cannot be found.",
        )
    )
