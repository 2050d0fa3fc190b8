"""One set-up: it inspects the MCP server, writes the policy, and restarts the services."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shared.cli.child import Service
from shared.cli.local_services import LocalServices
from shared.cli.policy_draft import InspectionError, inventory_of
from shared.cli.set_up.answers import AnswerError, ChosenServer, with_levels
from shared.cli.set_up.one_time_code import OneTimeCode
from shared.cli.set_up.saved import POLICY, SetUp, replace_file
from shared.cli.settings import complaints_about_values
from shared.cli.store import clock_of, open_named_store
from shared.texts import Text

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from auth_service.journal.journal import Journal
    from resource_service.policy.server_inventory import ServerInventory
    from shared.cli.doctor.examination import Report
    from shared.storage.interface import Store

Replace = Callable[[Sequence[Service]], Awaitable[None]]


@dataclass(kw_only=True)
class RunningSetUp:
    """The set-up of the services that run now.

    Attributes:
        link: the secret of the link for the first administrator.
        restart: replaces the running services.
        chosen, inventory: the MCP server that was inspected last.
        report: the result of the last self-check.
    """

    local: LocalServices
    link: str
    restart: Replace
    one_time_code: OneTimeCode = field(default_factory=OneTimeCode)
    chosen: ChosenServer = field(default_factory=ChosenServer)
    inventory: ServerInventory | None = None
    report: Report | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def saved(self) -> SetUp:
        """The choices so far."""
        return SetUp.kept_in(self.local.data_dir)

    @property
    def named_by_environment(self) -> bool:
        """Whether the environment names the MCP server, so that it cannot be chosen here."""
        names = ("DOORWARD_UPSTREAM", "DOORWARD_MOUNTS", "DOORWARD_POLICY")
        return any(name in os.environ for name in names)

    async def administrator(self) -> str:
        """Return the username of the first administrator; empty while there is only the demo user."""
        from auth_service.crypto.passwords import Passwords
        from auth_service.protocol.access import DEMO_USERNAME
        from auth_service.users.repository import UserRepository

        async with self._store() as store:
            users = await UserRepository(store, Passwords(), await clock_of(store)).list()
        administrators = [user for user in users if user.admin and user.username != DEMO_USERNAME]
        username = min(administrators, key=lambda user: user.created_at).username if administrators else ""
        if username != self.saved.administrator:
            replace(self.saved, administrator=username).keep_in(self.local.data_dir)
        return username

    async def inspect(self, chosen: ChosenServer) -> ServerInventory:
        """List the tools of a server; starts its command.

        Raises:
            AnswerError: the server cannot be inspected.
        """
        from resource_service.targets import parse_target

        async with self._one_at_a_time:
            if self.inventory is not None and chosen == self.chosen:
                return self.inventory  # pressed twice
            try:
                self.inventory = await inventory_of(parse_target(chosen.upstream))
            except InspectionError as error:
                reason = "\n".join((str(error), *error.last_lines))
                raise AnswerError(
                    Text("The MCP server does not answer: %(reason)s", reason=reason)
                ) from error
            except ValueError as error:
                raise AnswerError(Text("This cannot be used: %(reason)s.", reason=str(error))) from error
            self.chosen = chosen
            return self.inventory

    async def apply(self, form: Mapping[str, str]) -> None:
        """Write the policy with the levels that a form names, and restart the services with it."""
        from resource_service.policy.draft import draft, prefix_of

        async with self._one_at_a_time:
            chosen, inventory = self.chosen, self.inventory
            if inventory is None:
                raise AnswerError(Text("Choose the MCP server first."))
            name = chosen.name or inventory.server[:100] or "MCP server"
            text = draft(with_levels(inventory, form), prefix_of(chosen.name or inventory.server))
            policy = self.local.data_dir / POLICY
            saved = replace(self.saved, upstream=chosen.upstream, name=name)
            if saved == self.saved and policy.exists() and policy.read_text(encoding="utf-8") == text:
                return  # pressed twice
            await self._record(action="MCP server chosen", tools=len(inventory.tools))
            replace_file(policy, text)
            await self._restart_with(saved)

    async def use_notes(self) -> None:
        """Use the built-in MCP server."""
        async with self._one_at_a_time:
            saved = self.saved
            if saved.upstream:
                await self._record(action="MCP server chosen", tools=2)
                await self._restart_with(replace(saved, upstream="", name=""))

    async def check(self) -> None:
        """Run the doctor on the MCP URL."""
        from shared.cli.doctor.examination import Options, Tell, examine

        async with self._one_at_a_time:
            certificates = self.local.certificates
            options = Options(ca_file=certificates.authority if certificates else None)
            self.report = await examine(self.local.resource, options, Tell())

    async def finish(self) -> None:
        """End the set-up: the link opens nothing any longer."""
        if not self.saved.finished:
            await self.administrator()
            await self._record(action="set-up finished")
            replace(self.saved, finished=True).keep_in(self.local.data_dir)

    async def _restart_with(self, saved: SetUp) -> None:
        from auth_service.settings import AuthSettings
        from resource_service.settings import ResourceSettings

        self.report = None
        services = self.local.services(saved)
        models: tuple[type[BaseSettings], ...] = (AuthSettings, ResourceSettings)
        for service, model in zip(services, models, strict=True):
            if complaints := complaints_about_values(service.environment, model):
                raise AnswerError(Text("This cannot be used: %(reason)s.", reason=complaints[0]))
        saved.keep_in(self.local.data_dir)
        await self.restart(services)

    async def _record(self, **members: object) -> None:
        from shared.journal.event import EventKind

        async with self._journal() as journal:
            await journal.record(EventKind.ADMINISTRATION, via="set-up", **members)

    @asynccontextmanager
    async def _journal(self) -> AsyncIterator[Journal]:
        from auth_service.crypto.keyring import KeyRing
        from auth_service.journal.checkpoints import Checkpoints
        from auth_service.journal.keys import signing_key
        from auth_service.journal.reader import JournalReader
        from auth_service.journal.writer import JournalWriter
        from auth_service.settings import KeySettings

        async with self._store() as store:
            key_ring = KeyRing(
                KeySettings.model_validate({"master_keys": self.local.secrets.master_keys}).master_keys
            )
            writer = JournalWriter(store, signing_key(key_ring), await clock_of(store))
            async with Checkpoints(writer, JournalReader(store)).run():
                yield writer

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[Store]:
        async with open_named_store(self.local.store_url, "--data-dir") as store:
            yield store
