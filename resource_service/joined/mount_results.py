"""Asks the mounts to introduce themselves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from resource_service.connected_accounts.request_account import AccountUse
from resource_service.joined.exchange import FAILED, UnavailableError, ask
from resource_service.joined.parts import opened, result_of
from resource_service.joined.request import JoinedRequest
from resource_service.joined.sections import Section
from resource_service.joined.server_results import MountResult
from resource_service.joined.sessions import JoinedSession
from resource_service.principal import Principal, PrincipalKey
from shared.clock import steady_clock
from shared.logs import get_logger

INTRODUCED_WITHIN_S = 5.0
KEPT_S = 60.0
MAX_KEPT = 2_000

_log = get_logger(__name__)

Result = Mapping[str, Any]
_OF_THE_PROTOCOL = "io.modelcontextprotocol/"


@dataclass(frozen=True, slots=True)
class _Kept:
    result: Result
    account: AccountUse
    basis: tuple[object, ...]
    until: float


class MountResults:
    """The mount_results of mounts. Those for `initialize` are kept, so that sessions open when needed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[PrincipalKey, str], _Kept] = OrderedDict()

    async def initialized(self, request: JoinedRequest, session: JoinedSession) -> Sequence[MountResult]:
        """Return what the mounts answer to `initialize`."""

        async def initialize(section: Section) -> Result:
            key, basis = (request.principal.key, section.name), _basis(section, request.sections[section])
            kept = self._kept.get(key)
            if (
                kept is not None
                and kept.basis == basis
                and steady_clock() < kept.until
                and section.is_current(kept.account, request.scope)
            ):
                return kept.result
            part = await opened(section, session, request.scope, within_s=INTRODUCED_WITHIN_S)
            result = part.introduction or {}
            self._keep(key, _Kept(result, part.account, basis, steady_clock() + KEPT_S))
            return result

        return await _of_all(request.sections, initialize)

    async def discovered(self, request: JoinedRequest) -> Sequence[MountResult]:
        """Return what the mounts answer to ``server/discover``."""
        meta = {name: value for name, value in request.meta.items() if name.startswith(_OF_THE_PROTOCOL)}
        message = {"method": "server/discover", "params": {"_meta": meta}}

        async def discover(section: Section) -> Result:
            return result_of(await ask(section, request.scope, message, None))

        return await _of_all(request.sections, discover)

    def _keep(self, key: tuple[PrincipalKey, str], kept: _Kept) -> None:
        self._kept.pop(key, None)
        self._kept[key] = kept
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)


def _basis(section: Section, principal: Principal) -> tuple[object, ...]:
    return (section.guard.policy.current, principal.scopes, principal.groups)


async def _of_all(
    sections: Mapping[Section, Principal], introduce: Callable[[Section], Awaitable[Result]]
) -> Sequence[MountResult]:
    mount_results: dict[Section, MountResult] = {}

    async def add(section: Section) -> None:
        try:
            with anyio.fail_after(INTRODUCED_WITHIN_S):
                mount_results[section] = _mount_result(section, await introduce(section), "")
        except (UnavailableError, TimeoutError) as error:
            failure = str(error) or "it did not answer in time"
            mount_results[section] = _mount_result(section, None, failure)
            _log.info("a mount is left out", mount=section.name, reason=failure)
        except Exception:  # noqa: BLE001 -- whatever it was, the other mounts are introduced
            mount_results[section] = _mount_result(section, None, FAILED)
            _log.exception("a mount is left out", mount=section.name)

    async with anyio.create_task_group() as tasks:
        for section in sections:
            tasks.start_soon(add, section)
    return [mount_results[section] for section in sections]


def _mount_result(section: Section, result: Result | None, failure: str) -> MountResult:
    return MountResult(mount=section.name, title=section.title, result=result, failure=failure)
