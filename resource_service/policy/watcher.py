"""The active policy, reloaded when its file changes.

The file is polled: that works for a file that an editor replaces, for a ConfigMap, whose links are swapped,
and for a network file system. The file is read after it has stopped changing, so that a partial file is never
loaded. A request takes the policy once and uses no other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread

from resource_service.notifier import Notifier
from resource_service.policy.file import read_policy
from resource_service.policy.rules import Policy
from resource_service.policy.validation import PolicyError
from resource_service.watched_file import Fingerprint, fingerprint_of
from shared.logs import get_logger

LOOK_EVERY_S = 0.5

_log = get_logger(__name__)


class PolicyWatcher:
    """A policy that can be replaced as a whole.

    Args:
        path: the file of `policy`; None if the policy never changes.

    Attributes:
        current: the active policy; read it once in a request.
        replaced: notifies about a new policy.
    """

    def __init__(self, policy: Policy, path: Path | None = None) -> None:
        self.current = policy
        self.path = path
        self.replaced = Notifier()
        self._seen = fingerprint_of(path) if path else None

    @classmethod
    def reload(cls, path: Path) -> PolicyWatcher:
        """Load the policy in a file.

        Raises:
            PolicyError: the policy is invalid.
        """
        before = fingerprint_of(path)
        in_force = cls(read_policy(path), path)
        in_force._seen = before
        return in_force

    def scopes(self) -> tuple[str, ...]:
        """Every scope of the current policy."""
        return tuple(self.current.scopes)

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Follow the file for the length of the context."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_up)
            yield
            tasks.cancel_scope.cancel()

    async def _keep_up(self) -> None:
        if self.path is None:
            return
        changed_to: Fingerprint | tuple[()] = ()
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            fingerprint = await anyio.to_thread.run_sync(fingerprint_of, self.path)
            if fingerprint != self._seen and fingerprint == changed_to:
                await self._take(self.path, fingerprint)
            changed_to = fingerprint

    async def _take(self, path: Path, fingerprint: Fingerprint) -> None:
        """Load the file, whose last two fingerprints were `fingerprint`."""
        try:
            policy = await anyio.to_thread.run_sync(read_policy, path)
        except PolicyError as error:
            self._seen = fingerprint
            _log.error(
                "the policy file is invalid; the previous policy stays active",
                file=str(path),
                reason=str(error),
            )
            return
        if await anyio.to_thread.run_sync(fingerprint_of, path) != fingerprint:
            return  # it changed while it was read, so wait for the next round
        self._seen = fingerprint
        self.current = policy
        self.replaced.send()
        _log.info("policy loaded", file=str(path), scopes=list(policy.scopes))
