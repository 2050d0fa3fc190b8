"""Publish the policy in the metadata, so that people can be told what a scope allows. Pure."""

from __future__ import annotations

from pydantic import BaseModel, Field

from resource_service.policy.groups import named_in
from resource_service.policy.rules import Policy, Rules


class PublishedScope(BaseModel):
    """The meaning of one scope. In patterns, ``*`` matches any text."""

    description: str = Field(description="For people.")
    includes: list[str] | None = Field(default=None, description="Narrower scopes that it includes.")
    tools: list[str] | None = Field(default=None, description="Names and patterns of tools that need it.")
    prompts: list[str] | None = Field(default=None, description="Names and patterns of prompts.")
    resources: list[str] | None = Field(default=None, description="URIs and patterns of resources.")
    everything_else: bool | None = Field(
        default=None, description="Whether it is needed for whatever no scope names."
    )


def published(policy: Policy) -> dict[str, PublishedScope] | None:
    """Return what the metadata publishes about `policy`; None if nothing."""
    return described(policy) if policy.publish and policy.scopes else None


def described(policy: Policy) -> dict[str, PublishedScope]:
    """Return each scope of `policy` and what it allows."""
    return {
        scope: PublishedScope(
            description=description,
            includes=sorted(policy.includes.get(scope, ())) or None,
            tools=_needing(policy.tools, scope),
            prompts=_needing(policy.prompts, scope),
            resources=_needing(policy.resources, scope),
            everything_else=scope in policy.default or None,
        )
        for scope, description in policy.scopes.items()
    }


def _needing(rules: Rules, scope: str) -> list[str] | None:
    return [pattern for pattern, scopes in rules.items() if scope in scopes] or None


def group_uses(policy: Policy) -> dict[str, list[str]]:
    """Return what each group of `policy` is needed for, which the metadata does not publish."""
    kinds = {"tool": policy.tools, "prompt": policy.prompts, "resource": policy.resources}
    rules = [
        (f"{kind} {pattern}", needed)
        for kind, named in {**kinds, "method": policy.methods}.items()
        for pattern, needed in named.items()
    ]
    rules.append(("everything else", policy.default))
    return {
        group: [use for use, needed in rules if group in named_in([needed])]
        for group in sorted(policy.groups)
    }
