"""What both verifiers are made of: the settings, the scopes, and who a token makes a request act for."""

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
from shared.logs import configure_own_logs, get_logger

NO_SCOPES: Mapping[str, Iterable[str]] = MappingProxyType({})

_log = get_logger(__name__)


class TokenFields(TypedDict):
    """What the SDK's `AccessToken` and FastMCP's are made from."""

    token: str
    client_id: str
    scopes: list[str]
    expires_at: int
    resource: str
    subject: str | None
    claims: dict[str, Any]


class Protection:
    """How one MCP server is protected.

    Args:
        required_scopes: what every request needs.
        tool_scopes: tool to the scopes that a call of it needs beside those, all of them.
        implies: a scope to the narrower ones that it includes.
        settings: settings; the environment has those that are left out.

    Raises:
        pydantic.ValidationError: a setting is missing or wrong; it says which.
        ValueError: scopes are given, and a policy file as well.
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

    @property
    def path(self) -> str:
        """Where MCP is served, with the base path off it; see `ResourceSettings`."""
        return self.settings.mcp_path or "/"

    def in_front_of(self, app: ASGIApp, *, path: str) -> GuardMiddleware:
        """`app` with the guard in front of it.

        Args:
            path: where `app` itself serves MCP.
        """
        return GuardMiddleware(app, self.settings, self.policy, self._clock, path=path)

    async def token_fields(self, token: str) -> TokenFields | None:
        """What a framework is told of `token`; None where it is not good here.

        Behind the guard, that has been decided, and `token` is what the guard has put in its place. Elsewhere
        it is decided now: on other routes of the app, too, where the frameworks look at every bearer token.

        Raises:
            Refusal: the issuer cannot be asked, about a request for MCP.
            RuntimeError: tools need scopes, and nothing here sees which tool is called.
        """
        if principal := admitted(token):
            return self._fields(principal, token="")
        if _judges_messages(self.policy.current) and not is_beside():
            raise RuntimeError(
                "scopes of tools are held by the guard: serve what the verifier gives as the app"
            )
        try:
            return self._fields(await self._holder_of(token), token=token)
        except Refusal as refusal:
            # Another route is none of ours: it must not fail because the issuer cannot be asked.
            if refusal.status >= 500 and not is_beside():
                raise
            _log.info(
                "refused",
                reason=refusal.detail or refusal.description,
                reason_code=refusal.reason.code,
                error=refusal.error,
            )
            return None

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
                "the policy file says which scopes are needed: say it there, or without the file"
            )
        return PolicyWatcher.reload(self.settings.policy)

    async def _holder_of(self, token: str) -> Principal:
        # Nobody says here when the server begins and ends, so the connection is for this question alone.
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

    def _fields(self, principal: Principal, *, token: str) -> TokenFields:
        claims = {
            "iss": principal.issuer,
            "sub": principal.subject,
            "client_id": principal.client_id,
            "username": principal.username,
        }
        return {
            "token": token,
            "client_id": principal.client_id,
            "scopes": sorted(self.policy.current.closure(principal.scopes)),
            "expires_at": principal.expires_at,
            "resource": self.settings.resource,
            "subject": principal.subject,
            "claims": {name: value for name, value in claims.items() if value is not None},
        }


def _judges_messages(policy: Policy) -> bool:
    rules = (policy.default, policy.tools, policy.prompts, policy.resources, policy.methods)
    return any(map(bool, rules))


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
