"""Read policy files for commands, with the code of the resource service, which is imported on demand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared.cli.console import CommandError

if TYPE_CHECKING:
    from resource_service.policy.rules import Policy


def policy_in(path: Path) -> Policy:
    """Read the policy in the file at `path`.

    Raises:
        CommandError: the policy is invalid; the message names the line.
    """
    from resource_service.policy.file import read_policy
    from resource_service.policy.validation import PolicyError

    try:
        return read_policy(path)
    except PolicyError as error:
        raise CommandError(f"{path}: {error}") from None
