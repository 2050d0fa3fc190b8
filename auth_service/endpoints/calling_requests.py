"""The requests of a resource server for which it asks this service: both log the same id."""

from __future__ import annotations

from starlette.types import Scope

from auth_service.client_auth.introspection_callers import IntrospectionCaller
from auth_service.protocol.parameters import Parameters
from shared.asgi.noted_caller import Requester, note_caller
from shared.asgi.request_id import is_request_id
from shared.introspection import REQUEST_ID_PARAMETER
from shared.logs import current_request_id


def adopt_request_id(scope: Scope, caller: IntrospectionCaller, parameters: Parameters) -> None:
    """Log the request under the id that a resource server names, if it has the form of one."""
    note_caller(scope, Requester(client_id=caller.name))
    if caller.client_id is not None:
        return  # a client
    request_id = parameters.get(REQUEST_ID_PARAMETER)
    if request_id is not None and is_request_id(request_id):
        current_request_id.set(request_id)
