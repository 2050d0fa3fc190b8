"""Endpoints of the admin API: admits the caller, runs one operation, and answers errors."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.crypto.secrets import digest, new_secret
from auth_service.endpoints.admin_api.callers import AdminCaller, AdminCallers
from auth_service.endpoints.admin_api.requests import AdminRequest
from auth_service.protocol.admin_access import PATH, SCOPE, InsufficientUserAuthenticationError
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from auth_service.web.http import answers_errors, refusal
from auth_service.web.route import Endpoint, Operation
from auth_service.web.submissions import Outcome, Submission, Submissions
from shared.asgi import header_values

REPEATED_FOR_S = 3_600
"""For how long the repetition of a request that creates something has the same result, in seconds."""

_MAX_KEY = 200
Perform = Callable[[AdminRequest], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class AdminOperation:
    """One method of one path.

    Attributes:
        fresh: whether it needs a login of the last minutes.
        creates: whether it creates something, so that it needs an Idempotency-Key.
    """

    perform: Perform
    description: Operation
    fresh: bool = False
    creates: bool = False


@dataclass(frozen=True, kw_only=True)
class AdminRouting:
    """Creates the endpoints."""

    callers: AdminCallers
    submissions: Submissions
    metadata_url: str

    def endpoint(self, path: str, operations: Mapping[str, AdminOperation]) -> Endpoint:
        """Return the endpoint of a path below the API, with an operation for each method."""

        async def handle(request: Request) -> Response:
            operation = operations["GET" if request.method == "HEAD" else request.method]
            try:
                caller = await self.callers.require(request, fresh=operation.fresh)
                if operation.creates:
                    return await self._create(request, caller, operation)
                return await operation.perform(
                    AdminRequest(request=request, caller=caller, callers=self.callers)
                )
            except InsufficientUserAuthenticationError as error:
                return _step_up(request, error)

        return Endpoint(
            path=f"{PATH}{path}",
            handler=self._challenging(answers_errors(handle, protected=True)),
            methods=tuple(operations),
            operations={method: operation.description for method, operation in operations.items()},
        )

    async def _create(self, request: Request, caller: AdminCaller, operation: AdminOperation) -> Response:
        submission = await self._submission(request, caller)
        response = await operation.perform(
            AdminRequest(request=request, caller=caller, callers=self.callers, submission=submission)
        )
        # Only after success: a repetition of a request that was refused is a new attempt.
        await submission.finish(Response(status_code=200))
        return response

    async def _submission(self, request: Request, caller: AdminCaller) -> Submission:
        keys = header_values(request.scope, "idempotency-key")
        if len(keys) != 1 or not 0 < len(keys[0]) <= _MAX_KEY or not keys[0].isascii():
            raise InvalidRequestError(
                Reason.IDEMPOTENCY_KEY_MISSING, "Idempotency-Key must name this request, once"
            )
        who = caller.user.subject if caller.user else caller.client_id
        body = digest((await request.body()).hex())
        path = request.scope["path"]
        name = digest(json.dumps(["admin api", who, path, keys[0], body]))
        outcome = await self.submissions.outcomes.get(name)
        return Submission(
            submissions=self.submissions,
            path=path,
            name=name,
            outcome=outcome or Outcome(seed=new_secret(), kept_s=REPEATED_FOR_S),
        )

    def _challenging(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Complete the challenges of refusals (RFC 6750 §3, RFC 9470 §3, RFC 9728 §5.1)."""

        @functools.wraps(handler)
        async def challenging(request: Request) -> Response:
            response = await handler(request)
            challenge = response.headers.get("www-authenticate")
            if challenge is not None and challenge.startswith("Bearer"):
                separator = "," if "=" in challenge else ""
                response.headers["www-authenticate"] = (
                    f'{challenge}{separator} resource_metadata="{self.metadata_url}", scope="{SCOPE}"'
                )
            return response

        return challenging


def _step_up(request: Request, error: InsufficientUserAuthenticationError) -> Response:
    """Return the challenge that names the login that is needed (RFC 9470 §3)."""
    response = refusal(request, error)
    parameters = [f'error="{error.code}"', f'error_description="{error.description}"']
    if error.max_age_s is not None:
        parameters.append(f'max_age="{error.max_age_s}"')
    if error.acr is not None:
        parameters.append(f'acr_values="{error.acr}"')
    response.headers["www-authenticate"] = f"Bearer {', '.join(parameters)}"
    return response
