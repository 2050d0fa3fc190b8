"""Read policy files for commands, with the code of the resource service, which is imported on demand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shared.cli.console import CommandError

if TYPE_CHECKING:
    from resource_service.policy.cases import PolicyCase
    from resource_service.policy.rules import Policy


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in an error of its policy."""
    from resource_service.policy.validation import PolicyError

    try:
        yield
    except PolicyError as error:
        raise CommandError(f"{path}: {error}") from None


def policy_in(path: Path) -> Policy:
    """Read the policy in the file at `path`.

    Raises:
        CommandError: the policy is invalid; the message names the line.
    """
    from resource_service.policy.file import read_policy

    with _named(path):
        return read_policy(path)


def cases_in(path: Path) -> dict[str, PolicyCase]:
    """Read the tests of the policy in the file at `path`, by name.

    Raises:
        CommandError: a test is invalid; the message names the line.
    """
    from resource_service.policy.file import read_policy_cases

    with _named(path):
        return read_policy_cases(path)


def deprecated_keys(path: Path) -> dict[str, str]:
    """Return the keys in the policy that the next release does not read, each with its replacement.

    Raises:
        CommandError: the policy is invalid; the message names the line.
    """
    import yaml

    from resource_service.policy.file import OLD_DESCRIPTION

    policy_in(path)
    scopes = yaml.safe_load(path.read_bytes()).get("scopes") or {}
    is_used = any(isinstance(scope, dict) and OLD_DESCRIPTION in scope for scope in scopes.values())
    return {OLD_DESCRIPTION: "description"} if is_used else {}
