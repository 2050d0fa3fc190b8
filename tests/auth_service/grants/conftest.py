from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.auth_service.grants.installation import Installation


@pytest.fixture
async def here(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Installation]:
    """An installation with an empty store."""
    here = Installation(tmp_path)
    yield here
    await here.parts.grants.confirmations.aclose()
    await here.store.aclose()
