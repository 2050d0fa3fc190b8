"""Programs that use the npm libraries here, and the person whom they send to a browser."""

from __future__ import annotations

import fcntl
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.flow import REDIRECT_URI, Person, forms_of
from tests.machine import require

HERE = Path(__file__).parent
_READY = HERE / "node_modules" / ".package-lock.json"
_INSTALL_TIMEOUT_S = 300


@cache
def install() -> None:
    """The libraries as the lock says, once for all test processes."""
    require("node")
    with (HERE / "package.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not _READY.exists() or _READY.stat().st_mtime < (HERE / "package-lock.json").stat().st_mtime:
            subprocess.run(
                ["npm", "ci", "--loglevel=error"], cwd=HERE, check=True, timeout=_INSTALL_TIMEOUT_S
            )


def run(program: str, *arguments: str, person: Person) -> dict[str, Any]:
    """Return the result of the program; `person` opens the URLs it prints, and consents.

    Raises:
        AssertionError: the program failed; its complaint is the message.
    """
    install()
    command = ["node", str(HERE / program), *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        for line in process.stdout:
            message = json.loads(line)
            if "done" in message:
                result: dict[str, Any] = message["done"]
                return result
            process.stdin.write(json.dumps(_answer(message, person)) + "\n")
            process.stdin.flush()
        raise AssertionError(process.stderr.read())


def _answer(message: dict[str, str], person: Person) -> dict[str, str]:
    if "open" in message:
        return {"back": f"{REDIRECT_URI}?{urlencode(person.authorize(message['open']))}"}
    page = person.submit(person.open(message["at"]), {"user_code": message["type"]})
    while page.status_code == 200 and (forms := forms_of(page.text)):
        page = (
            person.log_in(page)
            if "password" in forms[0].fields
            else person.submit(page, {"decision": "allow"})
        )
    return {}
