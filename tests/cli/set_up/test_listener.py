"""The listener of the set-up page, when the page cannot be served (RUN-3)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

import pytest

from shared.cli.child import Service
from shared.cli.local_services import LocalServices
from shared.cli.set_up import components
from shared.cli.set_up.listener import SetUpListener

pytestmark = pytest.mark.anyio


async def restart(_: object) -> None: ...


async def test_an_error_of_the_server_is_printed_and_connections_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> Service:
        raise RuntimeError("no page here")

    monkeypatch.setattr(components, "RunningSetUp", fail)
    listener = SetUpListener(
        local=cast("LocalServices", None), link="link", restart=restart, port=0, host=None
    )
    async with listener.listening() as url:
        port = int(url.split(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(30):
            with suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    assert "The set-up page ended: RuntimeError: no page here" in capsys.readouterr().err
