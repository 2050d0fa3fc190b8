"""POST /definitions: a resource server reports the definitions that it holds, and reads what is approved."""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from auth_service.client_auth.introspection_callers import IntrospectionCaller, IntrospectionCallers
from auth_service.definitions.approved import ApprovedDefinitions
from auth_service.definitions.reported import ReportedDefinitions
from auth_service.endpoints.descriptions.definitions import OPERATION
from auth_service.protocol.errors import InvalidRequestError, NotAResourceServerError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.web.http import answers_errors, json_response
from auth_service.web.route import Endpoint
from shared.asgi import header_values
from shared.json_text import parse_json
from shared.pinned_definitions import DEFINITIONS_PATH, DefinitionReport, report_from_wire
from shared.uris import resource_key


@dataclass(frozen=True, kw_only=True)
class DefinitionsEndpoint:
    """Accepts reports about the resources of the caller, for administrators to judge (GW-4)."""

    callers: IntrospectionCallers
    reported: ReportedDefinitions
    approved: ApprovedDefinitions

    async def handle(self, request: Request) -> Response:
        caller = await self._caller(request)
        report = _report(await request.body(), caller)
        await self.reported.add(report)
        approvals = await self.approved.of(report.resource)
        return json_response(approvals.to_wire())

    async def _caller(self, request: Request) -> IntrospectionCaller:
        caller = await self.callers.authenticate(
            header_values(request.scope, "authorization"), Parameters({})
        )
        if caller.client_id is not None:
            raise NotAResourceServerError(
                Reason.CALLER_NOT_RESOURCE_SERVER, "only configured resource servers report definitions"
            )
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise InvalidRequestError(Reason.CONTENT_TYPE_WRONG, "the body must be application/json")
        return caller

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path=DEFINITIONS_PATH,
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": OPERATION},
        )


def _report(body: bytes, caller: IntrospectionCaller) -> DefinitionReport:
    try:
        report = report_from_wire(parse_json(body))
        # In the spelling of this server, which all processes of the resource server then agree on.
        return replace(report, resource=_of_caller(report.resource, caller))
    except ValueError as error:
        raise InvalidRequestError(
            Reason.BODY_MALFORMED,
            "the body must be a report about a resource of the caller",
            detail=str(error),
        ) from error


def _of_caller(resource: str, caller: IntrospectionCaller) -> str:
    key = resource_key(resource)
    for each in caller.resources:
        if resource_key(each) == key:
            return each
    raise ValueError("the resource is not one of the caller")
