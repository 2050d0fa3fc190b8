"""The systemd units of `deploy/`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import ROOT

SERVICES = ("auth", "resource")
NEW_CONNECTIONS_PER_S = 200
"""From clients that open one for each request, and leave it open."""


def unit(service: str) -> Path:
    return ROOT / "deploy" / "systemd" / f"doorward-{service}.service"


def values(service: str, name: str) -> list[str]:
    """The values of a setting of the unit, which may be repeated."""
    lines = unit(service).read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]
