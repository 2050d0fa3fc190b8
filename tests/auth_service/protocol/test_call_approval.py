"""An approval is decided once and used once, for exactly the call that was approved (GW-6)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from auth_service.protocol.call_approval import (
    LIFETIME_S,
    USE_WITHIN_S,
    CallApproval,
    RequestedCall,
    State,
    fault_in,
)

SEEDS = 10_000
NOW = 1_000_000
CALL = RequestedCall(
    grant_id="grant",
    subject="ada",
    client_id="client",
    resource="https://mcp.example/mcp",
    session="session",
    policy="1",
    approver="self",
    tool="pay",
    call='{"arguments":{"amount":1},"name":"pay"}',
)

pytestmark = pytest.mark.requirement("GW-6")
OTHERS = [
    replace(CALL, call='{"arguments":{"amount":2},"name":"pay"}'),
    replace(CALL, session="other"),
    replace(CALL, grant_id="other"),
    replace(CALL, policy="2"),
    replace(CALL, approver="group:ops"),
    replace(CALL, resource="https://other.example/mcp"),
    replace(CALL, mount="/prod"),
    replace(CALL, mount="/staging"),
]


def approval_of(call: RequestedCall, **changes: object) -> CallApproval:
    approval = CallApproval(
        approval_id="id",
        binding=call.binding,
        subject=call.subject,
        client_id=call.client_id,
        resource=call.resource,
        approver=call.approver,
        tool=call.tool,
        call=call.call,
        expires_at=NOW + LIFETIME_S,
    )
    return replace(approval, **changes)  # type: ignore[arg-type]


@dataclass
class World:
    """The approvals of some calls, and what people did, kept independently of the rules.

    Attributes:
        clicks: when each approval was approved, unless it was denied before.
        denied: approvals that were denied first.
        runs: calls that ran, with the approval.
    """

    chance: random.Random
    now: float = NOW
    approvals: list[CallApproval] = field(default_factory=list)
    calls: list[RequestedCall] = field(default_factory=list)
    clicks: dict[int, float] = field(default_factory=dict)
    denied: set[int] = field(default_factory=set)
    runs: list[int] = field(default_factory=list)

    def request(self) -> None:
        call = self.chance.choice([CALL, CALL, *OTHERS])
        self.calls.append(call)
        self.approvals.append(approval_of(call, expires_at=int(self.now) + LIFETIME_S))

    def decide(self) -> None:
        """One or two people press a button on the page as it was a moment ago."""
        at = self.chance.randrange(len(self.approvals))
        opened_at = self.approvals[at].expires_at - LIFETIME_S
        for _ in range(self.chance.choice([1, 1, 2])):
            approve = self.chance.random() < 0.6
            decided = self.approvals[at].decided(approve=approve, by="ada", now=self.now)
            if at not in self.clicks and at not in self.denied and self.now < opened_at + LIFETIME_S:
                if approve:
                    self.clicks[at] = self.now
                else:
                    self.denied.add(at)
            self.approvals[at] = decided or self.approvals[at]

    def use(self) -> None:
        """A call is made; which approval answers is an attacker's choice."""
        call, at = self.chance.choice([CALL, *OTHERS]), self.chance.randrange(len(self.approvals))
        used = self.approvals[at].used(call.binding, self.now)
        if used is None:
            return
        assert call == self.calls[at], "ran with an approval of another call"
        assert at in self.clicks, "ran without an approval"
        assert at not in self.denied, "ran after a denial"
        assert at not in self.runs, "ran twice with one approval"
        assert self.now < self.clicks[at] + USE_WITHIN_S, "ran after the approval had expired"
        self.runs.append(at)
        self.approvals[at] = used

    def wait(self) -> None:
        self.now += self.chance.choice([1, 30, USE_WITHIN_S - 1, USE_WITHIN_S, LIFETIME_S])


def test_no_call_runs_that_was_not_approved_whatever_happens_in_which_order() -> None:
    runs = 0
    for seed in range(SEEDS):
        world = World(random.Random(seed))  # noqa: S311 -- a seed
        world.request()
        steps = (world.request, world.decide, world.decide, world.use, world.use, world.use, world.wait)
        for _ in range(20):
            world.chance.choice(steps)()
        runs += len(world.runs)
    assert runs > SEEDS // 10  # else nothing was shown


@pytest.mark.parametrize("other", OTHERS)
def test_an_approval_is_for_nothing_else(other: RequestedCall) -> None:
    approved = approval_of(CALL).decided(approve=True, by="ada", now=NOW)
    assert approved is not None
    assert approved.used(other.binding, NOW) is None
    assert approved.used(CALL.binding, NOW) is not None


def test_the_parts_of_a_binding_cannot_run_into_each_other() -> None:
    left = replace(CALL, session="a", resource="b c")
    assert left.binding != replace(CALL, session="a b", resource="c").binding


def test_a_denial_is_final() -> None:
    late = NOW + LIFETIME_S - 10
    denied = approval_of(CALL).decided(approve=False, by="ada", now=late)
    assert denied is not None
    assert denied.decided(approve=True, by="ada", now=late) is None
    assert denied.call == ""
    assert denied.stands(late + LIFETIME_S - 1)
    assert not denied.stands(late + LIFETIME_S)


@pytest.mark.parametrize(
    ("approver", "subject", "groups", "may"),
    [
        ("self", "ada", (), True),
        ("self", "bob", ("self", "ops"), False),
        ("self", "", (), False),
        ("group:ops", "bob", ("ops",), True),
        ("group:ops", "bob", ("group:ops", "op"), False),
        ("group:ops", "ada", (), False),
        ("ops", "ada", ("ops", ""), False),
    ],
)
def test_only_the_approver_may_decide(
    approver: str, subject: str, groups: tuple[str, ...], *, may: bool
) -> None:
    assert approval_of(CALL, approver=approver).may_be_decided_by(subject, groups) is may


def test_nobody_decides_for_themselves_where_nobody_is_logged_in() -> None:
    assert not approval_of(CALL, subject="").may_be_decided_by("", ())


@pytest.mark.parametrize("approver", ["", "ada", "group:", "group", "group:a\nb", "group:" + "x" * 200])
def test_what_names_no_approver_is_refused(approver: str) -> None:
    assert fault_in(approver)


@pytest.mark.parametrize("approver", ["self", "group:ops", "group:okta:MCP users"])
def test_what_names_an_approver(approver: str) -> None:
    assert fault_in(approver) == ""


def test_a_decision_after_the_end_changes_nothing() -> None:
    assert approval_of(CALL).decided(approve=True, by="ada", now=NOW + LIFETIME_S) is None
    assert approval_of(CALL, state=State.USED).decided(approve=True, by="ada", now=NOW) is None
