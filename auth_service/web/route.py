"""An endpoint as data: its path, its handler and its OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.routing import Route

from auth_service.web.glossary import schema_of
from auth_service.web.http import Handler
from shared.asgi import CorsPolicy, DirectRoute, Immediate

Operation = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One URL.

    Attributes:
        path: in Starlette's syntax.
        operations: the OpenAPI operation of each HTTP method; a method without one is served but not
            described.
        cors: what pages of other origins may do; None for nothing.
        direct: whether requests of programs bypass the framework; the handler returns whole responses.
        is_page: whether browsers come to a direct endpoint, too.
        immediate: returns the response to a direct request by the first of the methods, as in `DirectRoute`.
    """

    path: str
    handler: Handler
    methods: tuple[str, ...]
    operations: Mapping[str, Operation] = field(default_factory=dict)
    cors: CorsPolicy | None = None
    direct: bool = False
    is_page: bool = False
    immediate: Immediate | None = None

    def route(self) -> Route:
        """Return the route of the endpoint."""
        return Route(self.path, self.handler, methods=list(self.methods))

    def direct_routes(self) -> list[DirectRoute]:
        """Return the routes that are served before the framework."""
        methods = [method for method in self.methods if self.direct and method in ("GET", "POST")]
        return [
            DirectRoute(
                method=method,
                path=self.path,
                handler=self.handler,
                cors=self.cors,
                is_page=self.is_page,
                immediate=self.immediate if method == self.methods[0] else None,
            )
            for method in methods
        ]


def openapi_paths(endpoints: Iterable[Endpoint]) -> dict[str, dict[str, Operation]]:
    """Return the `paths` of the OpenAPI document (OpenAPI 3.1 §4.8.8)."""
    paths: dict[str, dict[str, Operation]] = {}
    for endpoint in endpoints:
        for method, operation in endpoint.operations.items():
            path = endpoint.path.replace(":path}", "}")
            paths.setdefault(path, {})[method.lower()] = _with_outages(path, operation)
    return paths


def _with_outages(path: str, operation: Operation) -> Operation:
    responses = operation["responses"]
    # The content of pages is not described, as no program reads it; the metadata is served from memory.
    in_json = any("content" in response for response in responses.values())
    if not in_json or path.startswith("/.well-known/"):
        return operation
    return {**operation, "responses": {"503": UNAVAILABLE, **responses}}


def answer(description: str, example: object = None) -> dict[str, Any]:
    """Return an OpenAPI response with a JSON body."""
    if example is None:
        return {"description": description}
    return {
        "description": description,
        "content": {"application/json": {"schema": schema_of(example), "example": example}},
    }


def error(description: str, code: str, text: str) -> dict[str, Any]:
    """Return an OpenAPI response with an error."""
    return answer(description, {"error": code, "error_description": text, "request_id": "5f0c9f3b2d61a7e4"})


UNAVAILABLE = error(
    "The store cannot be asked; `Retry-After` says when to try again.",
    "temporarily_unavailable",
    "the server is temporarily unavailable; try again later",
)
"""The error responses of every endpoint that needs the store."""


def form(
    properties: Mapping[str, Any], required: tuple[str, ...], examples: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an OpenAPI request body of urlencoded parameters."""
    # RFC 6749 §3.1: an empty parameter is ignored. The docs page would invent a value otherwise.
    fields = {name: p if name in required else {"default": "", **p} for name, p in properties.items()}
    schema = {"type": "object", "required": list(required), "properties": fields}
    named = {name: {"summary": name, "value": value} for name, value in examples.items()}
    return {
        "required": True,
        "content": {"application/x-www-form-urlencoded": {"schema": schema, "examples": named}},
    }


def text(description: str, **more: object) -> dict[str, Any]:
    """Return the OpenAPI schema of a string parameter."""
    return {"type": "string", "description": description, **more}


CLIENT_PARAMETERS: dict[str, Any] = {
    "client_id": text("Who the client is, where it does not say so in an Authorization header."),
    "client_secret": text("For a client with `client_secret_post`.", format="password"),
}

CLIENT_SECURITY: list[dict[str, list[str]]] = [{"client": []}, {}]
"""The client authenticates by HTTP Basic, or sends its id in the body."""
