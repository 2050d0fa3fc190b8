"""No authorization server starts on a store that has only a part of a backup (OP-4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth_service.backup.restoration import complete, prepare_target
from auth_service.main import IncompleteStoreError, create_app
from auth_service.settings import AuthSettings
from shared.storage import open_store
from tests.auth_service.service import USUAL

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-4")]


async def test_a_server_does_not_start_before_a_restore_is_complete(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/auth.db"
    settings = AuthSettings(**{**USUAL, "issuer": "http://localhost:9000", "store": url})
    store = open_store(url)
    await prepare_target(store, replace=False)
    app = create_app(settings, store, keeps_store=True)
    with pytest.raises(IncompleteStoreError, match="run doorward restore again"):
        async with app.router.lifespan_context(app.framework):
            pass
    await complete(store)
    async with app.router.lifespan_context(app.framework):
        pass
    await store.aclose()
