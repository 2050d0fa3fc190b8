"""The choices of the set-up page, in a file of the data directory of ``doorward up``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from shared.cli.console import CommandError

FILE, POLICY = "set-up.json", "policy.yaml"
_OF_SERVER = ("DOORWARD_UPSTREAM", "DOORWARD_MOUNTS", "DOORWARD_POLICY")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """The choices of a person; empty for the built-in MCP server.

    Attributes:
        upstream: as in ``DOORWARD_UPSTREAM``.
        name: on the consent page.
        administrator: the first administrator; the demo user is gone.
        finished: whether the page is over.
    """

    upstream: str = ""
    name: str = ""
    administrator: str = ""
    finished: bool = False

    @classmethod
    def kept_in(cls, data_dir: Path) -> Self:
        """Read what was set up; the defaults if nothing was.

        Raises:
            CommandError: the file has other content.
        """
        path = data_dir / FILE
        try:
            members = json.loads(path.read_text(encoding="utf-8"))
            read = cls(**members)
            if any(type(getattr(read, each.name)) is not type(each.default) for each in fields(cls)):
                raise ValueError("a member has another type")
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError) as error:
            raise CommandError(
                f"{path} cannot be read: {error}; delete it to set up `doorward up` again"
            ) from error
        return read

    def keep_in(self, data_dir: Path) -> None:
        """Replace the file."""
        replace_file(data_dir / FILE, json.dumps(asdict(self), indent=2) + "\n")

    def settings(self, data_dir: Path, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the settings that follow, unless the environment names an MCP server itself."""
        if not self.upstream or any(name in environment for name in _OF_SERVER):
            return {}
        return {
            "DOORWARD_UPSTREAM": self.upstream,
            "DOORWARD_RESOURCE_NAME": environment.get("DOORWARD_RESOURCE_NAME", self.name),
            "DOORWARD_POLICY": str((data_dir / POLICY).resolve()),
        }


def replace_file(path: Path, text: str) -> None:
    """Write a file that only its owner may read, so that readers see the old text or the new one."""
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
