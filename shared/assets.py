"""Static files that pages load."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BRAND = Path(__file__).parent / "brand"
"""The assets that the pages of both services show."""


class Assets(StaticFiles):
    """Serves files from the first of `directories` that has them; browsers cache and revalidate them."""

    def __init__(self, *directories: Path) -> None:
        super().__init__(directory=directories[0])
        self.all_directories = list(directories)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return the response for one file, which browsers must revalidate each time."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        return response
