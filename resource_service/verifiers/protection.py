"""The common part of both verifiers: the settings, the scopes, and the principal of a token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypedDict, Unpack

from starlette.types import ASGIApp

from resource_service.auth.authentication import Authenticate
from resource_service.auth.dpop.check import dpop_validator_for
from resource_service.errors import Refusal
from resource_service.introspection.chain import introspection_chain
from resource_service.policy.rules import Policy, Scopes
from resource_service.policy.watcher import PolicyWatcher
from resource_service.principal import Principal
from resource_service.verifiers.guard_middleware import GuardMiddleware, admitted, is_beside
from resource_service.verifiers.settings import SettingsKwargs, settings_of
from shared.clock import Clock, system_clock
from shared.kept_by_identity import KeptByIdentity
from shared.logs import configure_own_logs, get_logger

MAX_POLICIES = 4

NO_SCOPES: Mapping[str, Iterable[str]] = MappingProxyType({})

_log = get_logger(__name__)


class TokenFields(TypedDict):
    """The arguments of the `AccessToken` classes of the SDK and of FastMCP."""

    token: str
    client_id: str
    scopes: list[str]
    expires_at: int
    resource: str
    subject: str | None
    claims: dict[str, Any]


class Protection:
    """The protection of one MCP server.

    Args:
        required_scopes: the scopes that every request needs.
        tool_scopes: maps a tool to all scopes that a call needs in addition.
        implies: maps a scope to the narrower scopes that it includes.
        settings: the settings; omitted ones come from the environment.

    Raises:
        pydantic.ValidationError: a setting is missing or invalid; the error names it.
        ValueError: both scopes and a policy file are given.
    """

    def __init__(
        self,
        required_scopes: Iterable[str] = (),
        tool_scopes: Mapping[str, Iterable[str]] = NO_SCOPES,
        implies: Mapping[str, Iterable[str]] = NO_SCOPES,
        clock: Clock = system_clock,
        **settings: Unpack[SettingsKwargs],
    ) -> None:
        configure_own_logs()
        self.settings = settings_of(settings)
        self.policy = self._policy(required_scopes, tool_scopes, implies)
        self._clock = clock
        self._of_policy = KeptByIdentity(self._of_principals, at_most=MAX_POLICIES)

    @property
    def path(self) -> str:
        """The path of MCP without the base path; see `ResourceSettings`."""
        return self.settings.mcp_path or "/"

    def in_front_of(self, app: ASGIApp, *, path: str, endpoint: ASGIApp | None = None) -> GuardMiddleware:
        """Wrap `app` with the guard.

        Args:
            path: the path at which `app` itself serves MCP.
            endpoint: as in `GuardMiddleware`.
        """
        return GuardMiddleware(app, self.settings, self.policy, self._clock, path=path, endpoint=endpoint)

    async def token_fields(self, token: str) -> TokenFields | None:
        """Return what a framework needs to know about `token`; None if it is not valid here.

        Behind the guard, the token has been validated, and `token` is the placeholder. Elsewhere it is
        validated now: also on other routes of the app, since the frameworks check every bearer token.

        Raises:
            Refusal: the issuer cannot be queried, and the request is for MCP.
            RuntimeError: tools need scopes, but the called tool is not visible here.
        """
        if principal := admitted(token):
            return self.fields_of_admitted(principal)
        if _judges_messages(self.policy.current) and not is_beside():
            raise RuntimeError(
                "the guard enforces the scopes of tools: serve the app that the verifier returns"
            )
        try:
            return self._fields_of(await self._holder_of(token), self.policy.current, token=token)
        except Refusal as refusal:
            # Another route is outside our scope: it must not fail because the issuer cannot be queried.
            if refusal.status >= 500 and not is_beside():
                raise
            _log.info(
                "refused",
                reason=refusal.detail or refusal.description,
                reason_code=refusal.reason.code,
                error=refusal.error,
            )
            return None

    def fields_of_admitted(self, principal: Principal) -> TokenFields:
        """Return what a framework needs to know about the token of an admitted request, without the token.

        So the app cannot pass it on. The same object is returned as long as the policy and the cached answer
        are the same; `AccessToken` copies the lists and objects in it.
        """
        return self._of_policy(self.policy.current)(principal)

    def _of_principals(self, policy: Policy) -> KeptByIdentity[Principal, TokenFields]:
        return KeptByIdentity(lambda principal: self._fields_of(principal, policy, token=""))

    def _fields_of(self, principal: Principal, policy: Policy, *, token: str) -> TokenFields:
        claims = {
            "iss": principal.issuer,
            "sub": principal.subject,
            "client_id": principal.client_id,
            "username": principal.username,
        }
        return {
            "token": token,
            "client_id": principal.client_id,
            "scopes": sorted(policy.closure(principal.scopes)),
            "expires_at": principal.expires_at,
            "resource": self.settings.resource,
            "subject": principal.subject,
            "claims": {name: value for name, value in claims.items() if value is not None},
        }

    def _policy(
        self,
        required: Iterable[str],
        tools: Mapping[str, Iterable[str]],
        implies: Mapping[str, Iterable[str]],
    ) -> PolicyWatcher:
        policy = _policy_of(required, tools, implies)
        if self.settings.policy is None:
            return PolicyWatcher(policy)
        if policy.scopes:
            raise ValueError(
                "the policy file defines the required scopes: set them there, or remove the file"
            )
        return PolicyWatcher.reload(self.settings.policy)

    async def _holder_of(self, token: str) -> Principal:
        # The server's start and end are unknown here, so this query has its own connection.
        settings = self.settings.model_copy(update={"introspection_cache_s": 0})
        chain = introspection_chain(settings, self._clock)
        dpop_validator = dpop_validator_for(self.settings, self._clock)
        decide = Authenticate(
            introspect=chain.introspect,
            dpop_validator=dpop_validator,
            resource=self.settings.resource,
            issuer=self.settings.issuer,
            clock=self._clock,
        )
        async with chain.run():
            return await decide.holder_of(token)


def _judges_messages(policy: Policy) -> bool:
    by_name = (policy.tools, policy.prompts, policy.resources, policy.methods)
    of_calls = (policy.step_up, policy.when, policy.approve, policy.limits, policy.pin)
    return any(map(bool, (policy.default, *by_name, *of_calls)))


def _policy_of(
    required: Iterable[str], tools: Mapping[str, Iterable[str]], implies: Mapping[str, Iterable[str]]
) -> Policy:
    needed = Scopes(required)
    by_tool = {tool: Scopes(scopes) for tool, scopes in tools.items()}
    narrower = {scope: Scopes(scopes) for scope, scopes in implies.items()}
    named = needed.union(*by_tool.values(), *narrower.values(), narrower)
    return Policy(
        scopes={scope: scope for scope in sorted(named)},
        default=Scopes(),
        tools=by_tool,
        includes=narrower,
        required=needed,
    )
