"""The lock file: the approved definitions of one server as JSON that a person can read and compare.

    {"version": 1, "instructions": "…", "prompts": {}, "resourceTemplates": {},
     "tools": {"add_note": {"name": "add_note", "description": "…", …}}}

It contains the definitions and no digests: to change a definition in the file is to approve it. A kind that
is missing has not been pinned yet.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from resource_service.messages.exact_json import UnreadableError, loads
from resource_service.pins.definitions import Definition, DefinitionKind, Pins, approve

VERSION = 1
MAX_BYTES = 16 * 1024 * 1024
MODE = 0o644


class LockFileError(Exception):
    """The lock file cannot be used; the message says why."""


def lock_path(policy: Path) -> Path:
    """Return the path of the lock file beside a policy file: ``policy.lock`` for ``policy.yaml``."""
    return policy.with_suffix(".lock")


def held_path(lock: Path) -> Path:
    """Return the path of the file with what is held: ``policy.held`` beside ``policy.lock``."""
    return lock.with_suffix(".held")


def read_lock(path: Path) -> Pins | None:
    """Read a lock file; None if there is none.

    Raises:
        LockFileError: the file cannot be read, or is not a lock file of this version.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LockFileError(f"the file cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise LockFileError(f"the file is larger than {MAX_BYTES} bytes")
    return parse_lock(content)


def parse_lock(content: bytes) -> Pins:
    """Parse the content of a lock file.

    Raises:
        LockFileError: it is not a lock file of this version.
    """
    try:
        document = loads(content)
    except UnreadableError as error:
        raise LockFileError(str(error).replace("The body", "the file").rstrip(".")) from None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise LockFileError(f"it is not a lock file of version {VERSION}")
    instructions = document.get("instructions")
    if not isinstance(instructions, str | None):
        raise LockFileError("`instructions` must be text")
    kinds = {kind: document[kind.member] for kind in DefinitionKind if kind.member in document}
    return Pins({kind: approve(_definitions(kind, members)) for kind, members in kinds.items()}, instructions)


def _definitions(kind: DefinitionKind, members: object) -> list[Definition]:
    if not isinstance(members, dict):
        raise LockFileError(f"`{kind.member}` must map names to definitions")
    for name, value in members.items():
        if not isinstance(value, dict) or value.get(kind.item_name) != name:
            raise LockFileError(
                f"the definition of {name!r} in `{kind.member}` has another `{kind.item_name}`"
            )
    return [Definition(kind, name, value) for name, value in members.items()]


def lock_text(pins: Pins) -> str:
    """Return the content of a lock file, sorted, so that a change shows as few lines."""
    document: dict[str, Any] = {"version": VERSION}
    if pins.instructions is not None:
        document["instructions"] = pins.instructions
    for kind, approved in pins.approved.items():
        document[kind.member] = {name: pinned.value for name, pinned in approved.items()}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let no other process change files in the directory of `path`, among those that use this function.

    Raises:
        OSError: there is no such directory. It also works, without exclusion, on a file system without locks.
    """
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def write_lock(path: Path, pins: Pins) -> None:
    """Replace the lock file as a whole.

    Raises:
        OSError: it cannot be written.
    """
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(lock_text(pins))
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, MODE)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
