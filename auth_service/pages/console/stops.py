"""The stop switch: what is stopped, and the forms to stop and resume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from starlette.responses import Response

from auth_service.administration.stops import ListedStop, StopAdministration
from auth_service.pages.console.operation_errors import refusals
from auth_service.pages.console.sections import Administrator
from auth_service.pages.pagination import paginated
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry
from auth_service.web.moments import day
from auth_service.web.render import PageTemplates, see_other
from shared.stops import Stop, StopKind


@dataclass(frozen=True, kw_only=True)
class StopsSection:
    """The section of the stop switch. To stop needs no recent login: it only takes away."""

    administration: StopAdministration
    resource_registry: ResourceRegistry
    templates: PageTemplates

    dangerous: ClassVar = frozenset({"resume"})

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        listed, page = paginated(await self.administration.listed(), query, "stops")
        context = {
            "admin": admin,
            "page": page,
            "rows": [_row(each) for each in listed],
            "resources": [resource.resource for resource in self.resource_registry.resources],
            "kinds": [kind.value for kind in StopKind],
        }
        return self.templates.render("console_stops.html", context)

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        action = form.require("action")
        if action == "resume":
            await self.administration.resume(admin.actor, form.require("stop"))
        elif action == "stop":
            with refusals():
                await self._stop(form, admin)
        else:
            raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action must be stop or resume")
        return see_other("stops")

    async def _stop(self, form: Parameters, admin: Administrator) -> None:
        kind, name = form.require("kind"), form.require("name").strip()
        reason = (form.get("reason") or "").strip()
        if kind == StopKind.PERSON:
            await self.administration.stop_person(admin.actor, name, reason)
            return
        resource = (form.get("url") or "").strip() or None
        stop = Stop(kind=StopKind(kind), name=name, resource=resource, reason=reason)
        await self.administration.stop(admin.actor, stop)


def _row(listed: ListedStop) -> dict[str, object]:
    record = listed.record
    return {
        "stop_id": listed.stop_id,
        "kind": record.kind,
        "name": listed.username or record.name,
        "resource": record.resource,
        "reason": record.reason,
        "by": record.by,
        "at": day(record.at),
    }
