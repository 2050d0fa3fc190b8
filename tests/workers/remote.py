"""The code that `pytest-xdist` executes in a worker, in place of its own."""

from __future__ import annotations

from tests.workers.worker import run

if __name__ == "__channelexec__":
    run(channel)  # type: ignore[name-defined]  # noqa: F821 -- execnet defines it
