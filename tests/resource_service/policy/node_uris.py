"""Pieces of resource URIs, and how Node reads them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.machine import require

PIECES = (
    *(
        "\t",
        "\n",
        "\r",
        " ",
        "\0",
        "\x0c",
        "\x1f",
        "\xa0",
        "\ufeff",
        "\u200b",
        "\u00ad",
        "/",
        "//",
        "\\",
        ".",
        "..",
    ),
    *(
        "/./",
        "/../",
        "x/../",
        "%2e",
        "%2E%2e/",
        "%2f",
        "%5c",
        "%00",
        "%09",
        "?",
        "#",
        "?x",
        "#x",
        "@",
        ":@",
        "u@",
    ),
    *(
        ":",
        ":80",
        ":443",
        ":21",
        ":0443",
        "0x7f.1",
        "2130706433",
        "127.1",
        "\uff41",
        "\u3002",
        "\u212a",
        "\u017f",
    ),
)


def by_node(uris: list[str]) -> list[str | None]:
    require("node")
    program = ["node", str(Path(__file__).parent / "url.mjs")]
    done = subprocess.run(
        program, input=json.dumps(uris).encode(), capture_output=True, timeout=600, check=True
    )
    parsed: list[str | None] = json.loads(done.stdout)
    return parsed
