"""The calls of tools that a policy allows a principal, decided once."""

from __future__ import annotations

from collections.abc import Sequence

from resource_service.policy.decision import check_has
from resource_service.policy.rules import Policy
from resource_service.principal import Principal
from shared.kept_by_identity import KeptByIdentity

MAX_TOOLS = 256
"""Tools that are remembered for a principal."""
MAX_CHARACTERS = 128
MAX_POLICIES = 4


class AllowedCalls:
    """Checks requests by a policy, and remembers which tools a principal may call.

    What is remembered belongs to the objects of policy and principal. It ends when the policy is loaded
    again, and with the cached answer about the token, since the next answer has a principal of its own.
    """

    def __init__(self) -> None:
        self._of_policy = KeptByIdentity(_of_principals, at_most=MAX_POLICIES)

    def check(self, messages: Sequence[object], policy: Policy, principal: Principal) -> None:
        """Check that `principal` has everything that a request with `messages` needs.

        Raises:
            Refusal: something is missing.
        """
        name = _called(messages)
        if name is None:
            check_has(policy, policy.needed(messages), principal)
            return
        allowed = self._of_policy(policy)(principal)
        if name in allowed:
            return
        check_has(policy, policy.needed(messages), principal)
        if len(allowed) >= MAX_TOOLS:
            allowed.clear()
        allowed.add(name)


def _of_principals(_policy: Policy) -> KeptByIdentity[Principal, set[str]]:
    return KeptByIdentity(_nothing)


def _nothing(_principal: Principal) -> set[str]:
    return set()


def _called(messages: Sequence[object]) -> str | None:
    """Return the tool that the only message calls; None for anything else."""
    match messages:
        case [{"method": "tools/call", "params": {"name": str(name)}}] if len(name) <= MAX_CHARACTERS:
            return name
    return None
