"""Reports to the authorization server go on, whatever one of them meets (GW-4)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from resource_service.pins.definitions import DefinitionKind, definitions_in
from resource_service.pins.files import PinFiles
from resource_service.pins.keeper import PinKeeper
from resource_service.pins.reporter import AnnouncedApprovals, DefinitionReporter
from resource_service.pins.reports import reports
from shared.http_exchange import Answer
from shared.pinned_definitions import DefinitionReport

pytestmark = [pytest.mark.requirement("GW-4"), pytest.mark.anyio]

TOOL = {"name": "add", "description": "Add."}


@dataclass
class Reports:
    """An authorization server that notes the resources of reports, and when they came."""

    answer: Callable[[], Answer]
    now: float = 0.0
    resources: list[str] = field(default_factory=list)
    announced: AnnouncedApprovals = field(default_factory=AnnouncedApprovals)

    async def post(self, body: bytes) -> Answer:
        self.resources.append(json.loads(body)["resource"])
        self.now += 0.01
        return self.answer()

    def reporter(self, *names: str) -> DefinitionReporter:
        keepers = [pinned(name) for name in names]
        return DefinitionReporter(self.post, keepers, self.announced, lambda: self.now)

    async def during(self, reporter: DefinitionReporter, seconds: int) -> int:
        """Let a reporter look twice a second; return how many reports it sends."""
        before = len(self.resources)
        for _ in range(2 * seconds):
            await reporter.report()
            self.now += 0.5
        return len(self.resources) - before


def pinned(name: str) -> PinKeeper:
    keeper = PinKeeper(name, None)
    keeper.pin(DefinitionKind.TOOL, definitions_in(DefinitionKind.TOOL, [TOOL]))
    return keeper


def approvals(version: str) -> Answer:
    return Answer(200, {}, json.dumps({"version": version, "approved": []}).encode())


async def test_a_fault_in_the_report_of_one_resource_does_not_concern_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def faulty(resource: str, *args: str, **about: object) -> list[DefinitionReport]:
        if resource == "first":
            raise ValueError(resource)
        return reports(resource, *args, **about)  # type: ignore[arg-type]

    monkeypatch.setattr("resource_service.pins.reporter.reports", faulty)
    server = Reports(lambda: approvals(""))
    assert await server.during(server.reporter("first", "second"), 2) == 1
    assert server.resources == ["second"]


async def test_a_server_without_the_endpoint_is_asked_rarely() -> None:
    server = Reports(lambda: Answer(404, {}, b""))
    reporter = server.reporter("first", "second")
    assert await server.during(reporter, 300) <= 11
    server.answer = lambda: approvals("")
    assert await server.during(reporter, 31) == 2


async def test_a_refused_report_does_not_hold_back_those_of_other_resources() -> None:
    server = Reports(lambda: Answer(400, {}, b"") if server.resources[-1] == "first" else approvals(""))
    assert await server.during(server.reporter("first", "second"), 130) <= 4
    assert server.resources.count("second") == 1


async def test_the_announced_version_is_requested_rarely_if_it_is_missing() -> None:
    server = Reports(lambda: approvals("old"))
    reporter = server.reporter("resource")
    server.announced.announce("new")
    assert 2 <= await server.during(reporter, 300) <= 18
    server.announced.announce("newer")
    server.answer = lambda: approvals("newer")
    assert await server.during(reporter, 1) == 1
    assert await server.during(reporter, 300) == 0


async def test_a_fault_does_not_end_what_keeps_the_pins_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = anyio.Event()
    write = PinFiles.write

    def faulty_once(files: PinFiles, *pins: object) -> None:
        if not looks.is_set():
            looks.set()
            raise ValueError("a fault")
        write(files, *pins)  # type: ignore[arg-type]

    monkeypatch.setattr(PinFiles, "write", faulty_once)
    keeper = PinKeeper("resource", tmp_path / "policy.lock")
    async with keeper.run():
        keeper.pin(DefinitionKind.TOOL, definitions_in(DefinitionKind.TOOL, [TOOL]))
        with anyio.fail_after(20):
            while not (tmp_path / "policy.lock").exists():  # noqa: ASYNC110 -- another thread writes it
                await anyio.sleep(0.02)
