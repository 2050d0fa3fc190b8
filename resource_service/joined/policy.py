"""The scopes of all mounts at the joined resource, for its metadata; each guard decides by its own policy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from resource_service.joined.sections import Section
from resource_service.messages.joined_names import joined_name, joined_scope, joined_uri
from resource_service.policy.groups import Needed, scopes_in
from resource_service.policy.rules import Policy, Rules, Scopes
from resource_service.policy.validation import MAX_DESCRIPTION, PolicyError
from resource_service.policy.watcher import PolicyWatcher

ANYTHING = "*"


@dataclass(frozen=True, slots=True)
class MountPolicy:
    """The policy of a mount, with its name and title."""

    name: str
    title: str
    policy: Policy


class JoinedPolicy(PolicyWatcher):
    """The policies of the mounts as one, at any time."""

    def __init__(self, sections: Sequence[Section]) -> None:
        self._sections = sections
        super().__init__(self._joined())

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Follow the policies of the mounts for the length of the context."""
        async with anyio.create_task_group() as tasks:
            for section in self._sections:
                tasks.start_soon(self._follow, section)
            yield
            tasks.cancel_scope.cancel()

    async def _follow(self, section: Section) -> None:
        while True:
            await section.guard.policy.replaced.wait()
            self.current = self._joined()
            self.replaced.send()

    def _joined(self) -> Policy:
        return joined_policy(
            [
                MountPolicy(section.name, section.title, section.guard.policy.current)
                for section in self._sections
            ]
        )


def joined_policy(mounts: Sequence[MountPolicy]) -> Policy:
    """Return the scopes of all mounts, and what they allow as far as the mounts publish it."""
    scopes: dict[str, str] = {}
    for mount in mounts:
        scopes[mount.name] = f"Use {mount.title}"
        scopes |= {joined_scope(mount.name, scope): text for scope, text in mount.policy.scopes.items()}
    scopes = {scope: text[:MAX_DESCRIPTION] for scope, text in scopes.items()}
    includes = {
        joined_scope(mount.name, scope): Scopes(joined_scope(mount.name, each) for each in narrower)
        for mount in mounts
        for scope, narrower in mount.policy.includes.items()
    }
    try:
        tools, prompts, resources = _published(mounts)
        return Policy(
            scopes=scopes,
            default=Needed(),
            includes=includes,
            tools=tools,
            prompts=prompts,
            resources=resources,
        )
    except PolicyError:  # the rules describe the scopes, and decide nothing
        return Policy(scopes=scopes, default=Needed())


def _published(mounts: Sequence[MountPolicy]) -> tuple[Rules, Rules, Rules]:
    """Return the rules for tools, prompts and resources."""
    tools: dict[str, Needed] = {}
    prompts: dict[str, Needed] = {}
    resources: dict[str, Needed] = {}
    for mount in mounts:
        policy = mount.policy
        if not policy.publish:
            continue
        with_rest = (
            {**policy.tools} if ANYTHING in policy.tools else {**policy.tools, ANYTHING: policy.default}
        )
        tools |= _rules(mount.name, with_rest, joined_name)
        prompts |= _rules(mount.name, policy.prompts, joined_name)
        resources |= _rules(mount.name, policy.resources, joined_uri)
    return tools, prompts, resources


def _rules(mount: str, rules: Mapping[str, Needed], joined: Callable[[str, str], str]) -> dict[str, Needed]:
    return {
        joined(mount, pattern): Needed(joined_scope(mount, scope) for scope in scopes_in(needed))
        or Needed({mount})
        for pattern, needed in rules.items()
    }
