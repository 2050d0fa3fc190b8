"""The lists of all mounts as one."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.types import Scope

from resource_service.connected_accounts.introduction import TOOL
from resource_service.connected_accounts.request_account import AccountUse
from resource_service.joined.exchange import FAILED, UnavailableError, ask
from resource_service.joined.parts import SessionLostError, check_session, opened, result_of
from resource_service.joined.request import JoinedRequest
from resource_service.joined.sections import Section
from resource_service.joined.server_messages import in_item
from resource_service.joined.server_results import LEFT_OUT
from resource_service.messages.exact_json import dumps
from resource_service.messages.joined_names import MAX_NAME_CHARACTERS, joined_name
from resource_service.messages.jsonrpc import object_in
from resource_service.principal import PrincipalKey
from shared.clock import steady_clock
from shared.logs import get_logger

KEPT_S = 30.0
LISTED_WITHIN_S = 20.0
MAX_PAGES = 50
MAX_BYTES = 4_194_304
"""The maximum of one mount's list."""
MAX_KEPT_BYTES = 67_108_864
ENTRY_BYTES = 1_024
"""The size of a kept list beside its JSON: an empty one needs memory as well."""
PAGE = 1_000
METHOD_NOT_FOUND = -32601

MEMBERS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
_NAMING = ("tools/list", "prompts/list")
_TOO_LONG = f"its name would have more than {MAX_NAME_CHARACTERS} characters"
MAX_UNLISTED = 50
"""Names that a list states as left out; a mount may have thousands."""

_OF_THE_PROTOCOL = "io.modelcontextprotocol/"

_log = get_logger(__name__)

Json = dict[str, Any]
_Key = tuple[PrincipalKey, str, str, str]


class StaleCursorError(ValueError):
    """The list has changed since the page before, or the cursor is not one of this server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """The list of a mount, and for whom and until when it is kept.

    Attributes:
        account: the account with which it was listed.
    """

    items: Sequence[Json]
    account: AccountUse
    size: int
    basis: tuple[object, ...]
    until: float

    def serves(self, basis: tuple[object, ...], section: Section, scope: Scope) -> bool:
        """Whether a request would be answered with the same list."""
        is_kept = self.basis == basis and steady_clock() < self.until
        return is_kept and section.is_current(self.account, scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedList:
    """The items of all mounts.

    Attributes:
        left_out: the mounts whose items are missing, and why; also names that are too long to be listed.
        connecting: those of the items that connect the accounts that are missing.
    """

    items: Sequence[Json]
    left_out: Mapping[str, str]
    connecting: Sequence[Json] = ()

    def page(self, member: str, cursor: object) -> Json:
        """Return the result with the page at `cursor`.

        Raises:
            StaleCursorError: see there.
        """
        begin, digest = 0, self._digest()
        if cursor is not None:
            begin = _begin_of(cursor, digest)
        result: Json = {member: [*self.items[begin : begin + PAGE]]}
        if begin + PAGE < len(self.items):
            result["nextCursor"] = f"{begin + PAGE}.{digest}"
        if self.left_out:
            result["_meta"] = {LEFT_OUT: dict(self.left_out)}
        return result

    def _digest(self) -> str:
        if len(self.items) <= PAGE:
            return ""
        names = [item.get("name") or item.get("uri") or item.get("uriTemplate") for item in self.items]
        return hashlib.sha256(dumps(names)).hexdigest()[:16]


def _not_connected(section: Section, account: AccountUse) -> str:
    tool = joined_name(section.name, TOOL)
    return f"no {account.missing} account is connected; the tool {tool} returns the link to connect one"


def _is_too_long(item: Json) -> bool:
    return isinstance(name := item.get("name"), str) and len(name) > MAX_NAME_CHARACTERS


def _unlisted(names: Sequence[str]) -> dict[str, str]:
    """Return the names that are too long, the first `MAX_UNLISTED` of them, and the number of the others."""
    unlisted = {name[:MAX_NAME_CHARACTERS]: _TOO_LONG for name in names[:MAX_UNLISTED]}
    if len(names) > MAX_UNLISTED:
        unlisted["…"] = f"{len(names) - MAX_UNLISTED} other names would be too long as well"
    return unlisted


def _begin_of(cursor: object, digest: str) -> int:
    begin, _, of = cursor.partition(".") if isinstance(cursor, str) else ("", "", "")
    if not begin.isdecimal() or len(begin) > 9 or not digest or of != digest:
        raise StaleCursorError
    return int(begin)


class JoinedLists:
    """Lists of mounts as their callers see them, kept for `KEPT_S` or until the mount announces a change."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def all(self, method: str, request: JoinedRequest) -> JoinedList:
        """Return the list of all mounts that the token of `request` is for, in their order."""
        lists: dict[Section, _Kept] = {}
        missing: dict[str, str] = {}

        async def add(section: Section) -> None:
            try:
                with anyio.fail_after(LISTED_WITHIN_S):
                    lists[section] = await self._list(method, section, request)
            except (UnavailableError, TimeoutError) as error:
                missing[section.name] = str(error) or "it did not answer in time"
                _log.info(
                    "a mount is left out", mount=section.name, method=method, reason=missing[section.name]
                )
            except Exception:  # noqa: BLE001 -- whatever it was, the other mounts are listed
                missing[section.name] = FAILED
                _log.exception("a mount is left out", mount=section.name, method=method)

        async with anyio.create_task_group() as tasks:
            for section in request.sections:
                tasks.start_soon(add, section)
        listed = [(section, lists[section]) for section in request.sections if section in lists]
        items = [item for _, kept in listed for item in kept.items]
        unconnected = [(section, kept) for section, kept in listed if kept.account.missing is not None]
        missing |= {section.name: _not_connected(section, kept.account) for section, kept in unconnected}
        too_long = [item for item in items if method in _NAMING and _is_too_long(item)]
        if too_long:
            items = [item for item in items if not _is_too_long(item)]
            missing |= _unlisted([item["name"] for item in too_long])
        connecting = [item for _, kept in unconnected for item in kept.items]
        return JoinedList(items=items, left_out=missing, connecting=connecting)

    def forget(self, mount: str) -> None:
        """Forget what is kept of a mount: its server has announced that it changed."""
        for key in [key for key in self._kept if key[2] == mount]:
            self._drop(key)

    async def _list(self, method: str, section: Section, request: JoinedRequest) -> _Kept:
        principal, session = request.sections[section], request.session
        key = (principal.key, "" if session is None else session.session_id, section.name, method)
        basis = (section.guard.policy.current, principal.scopes, principal.groups)
        kept = self._kept.get(key)
        if kept is not None and kept.serves(basis, section, request.scope):
            return kept
        asked_at = steady_clock()
        try:
            pages = await _pages(method, section, request)
        except SessionLostError:
            pages = await _pages(method, section, request)
        size, until = pages.size + ENTRY_BYTES, asked_at + KEPT_S
        kept = _Kept(items=pages.items, account=pages.account, size=size, basis=basis, until=until)
        if kept.account.missing is None:
            self._keep(key, kept)
        return kept

    def _keep(self, key: _Key, kept: _Kept) -> None:
        """Keep a list, and drop those that expired: the first ones, since all are kept for the same time."""
        self._drop(key)
        self._kept[key] = kept
        self._bytes += kept.size
        now = steady_clock()
        while self._kept:
            first, oldest = next(iter(self._kept.items()))
            if self._bytes <= MAX_KEPT_BYTES and now < oldest.until:
                return
            self._drop(first)

    def _drop(self, key: _Key) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self._bytes -= kept.size


@dataclass(slots=True)
class _Pages:
    """The items of a mount, as the joined URL lists them.

    Attributes:
        size: of their JSON.
        account: the account with which the last page was listed.
    """

    items: list[Json] = field(default_factory=list)
    size: int = 0
    account: AccountUse = field(default_factory=AccountUse)

    def add(self, mount: str, listed: list[object]) -> None:
        """Add a page.

        Raises:
            UnavailableError: the list is too large.
        """
        items = [in_item(mount, item) for item in listed if isinstance(item, dict)]
        self.size += len(dumps(items))
        if self.size > MAX_BYTES:
            raise UnavailableError(f"its list is larger than {MAX_BYTES} bytes")
        self.items += items


async def _pages(method: str, section: Section, request: JoinedRequest) -> _Pages:
    session, scope = request.session, request.scope
    part = None if session is None else await opened(section, session, scope)
    if part is not None and not _offers(method, part.introduction or {}):
        return _Pages()
    stated = {name: value for name, value in request.meta.items() if name.startswith(_OF_THE_PROTOCOL)}
    params: Json = {"_meta": stated} if stated and part is None else {}
    pages = _Pages()
    for _ in range(MAX_PAGES):
        session_id = None if part is None else part.session_id
        answer = await ask(section, scope, {"method": method, "params": params}, part)
        check_session(answer.status, part, session_id)
        pages.account = answer.account
        match answer.message:
            case {"error": {"code": code}} if code == METHOD_NOT_FOUND:
                return _Pages(account=answer.account)
        result = result_of(answer)
        listed = result.get(MEMBERS[method])
        if not isinstance(listed, list):
            raise UnavailableError("it did not return a list")
        pages.add(section.name, listed)
        if not isinstance(result.get("nextCursor"), str):
            return pages
        params = {**params, "cursor": result["nextCursor"]}
    raise UnavailableError("its list has too many pages")


def _offers(method: str, introduction: Mapping[str, Any]) -> bool:
    """Check whether a mount has said that it offers what a method lists; some servers answer others badly."""
    return method.partition("/")[0] in object_in(introduction, "capabilities")
