"""Requests pass the packages from the top down."""

from __future__ import annotations

import subprocess
import sys

from tests.source_files import ROOT

JOURNEYS = ("introspect", "authorize", "code redemption", "refresh", "gateway call")


def test_no_request_climbs_back_up_to_a_higher_package() -> None:
    program = [sys.executable, "-m", "bench.journeys"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert all(journey in done.stdout for journey in JOURNEYS)
