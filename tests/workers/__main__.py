"""The process that collects the tests and forks workers: ``python -m tests.workers ...``.

Its arguments are the descriptors of two sockets, as for `tests.forking.server`, and as JSON the arguments of
pytest and what a worker is configured with. It reports on the first socket when it has collected; if it ends
before that, workers have to be started without it.
"""

from __future__ import annotations

import json
import socket
import sys
from contextlib import suppress

import pytest
from _pytest.config import _prepareconfig


def main(channel: str, listener: str, arguments: str, workerinput: str) -> None:
    """Collect as a worker of `pytest-xdist` does."""
    config = _prepareconfig(json.loads(arguments), None)
    # Not before, because pytest rewrites the assertions of plugins when they are imported.
    from xdist.remote import setup_config  # type: ignore[import-untyped]

    from tests.workers.template import Template

    setup_config(config, None)
    config.workerinput = json.loads(workerinput)  # type: ignore[attr-defined]
    sockets = [socket.socket(fileno=int(descriptor)) for descriptor in (channel, listener)]
    config.pluginmanager.register(Template(*sockets))
    with suppress(pytest.UsageError):  # each worker reports it
        config.hook.pytest_cmdline_main(config=config)


if __name__ == "__main__":
    main(*sys.argv[1:])
