"""Recorded calls, decided again by another policy. Pure.

The journal keeps what a decision depended on (scopes, groups, login, time), and the arguments as far as the
redaction of the tool allows. Where a condition looks at an argument that was not kept, or at annotations,
nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from resource_service.policy.cases import ALLOWED, OUTCOMES, PolicyCase, needs_approval, outcome
from resource_service.policy.conditions import Alternative, Conditions
from resource_service.policy.patterns import first_pattern
from resource_service.policy.rules import Policy
from shared.journal.event import EventKind
from shared.journal.redaction import LEFT_OUT
from shared.journal.secret_text import MASK

UNDECIDED = "undecided"
"""The decision about a call that depends on arguments or annotations which the journal does not have."""
_BEGUN = frozenset({EventKind.CALL_BEGUN, "call"})
"""Forwarded calls: in exports, and joined with their outcome in searches."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call in the journal.

    Attributes:
        case: the request, and what was decided.
        kept: the arguments in full; None if they were not kept.
        subject: the person; None if a client acted for itself.
    """

    case: PolicyCase
    kept: Mapping[str, Any] | None
    subject: str | None

    @property
    def name(self) -> str:
        """The tool, prompt or resource; the method, if the call named none."""
        params = self.case.params
        return str(params.get("name") or params.get("uri") or self.case.method)


def recorded_call(event: Mapping[str, Any]) -> RecordedCall | None:
    """Read a call from an event; None if the event is not about a decision of a policy.

    Events of earlier versions, without the scopes of the caller, are none, either.
    """
    kind, scopes, method = event.get("kind"), event.get("scopes"), event.get("method")
    decided = ALLOWED if kind in _BEGUN else event.get("reason_code")
    is_call = kind in _BEGUN or kind == EventKind.CALL_REFUSED
    if not is_call or decided not in OUTCOMES or not isinstance(scopes, list) or not isinstance(method, str):
        return None
    moment = int(event["time_ms"]) / 1000
    kept = _full(event.get("arguments"))
    groups, login = event.get("groups"), event.get("auth_time")
    case = PolicyCase(
        method=method,
        params={**_named(method, event.get("name")), "arguments": kept or {}},
        scopes=frozenset(map(str, scopes)),
        groups=frozenset(map(str, groups)) if isinstance(groups, list) else frozenset(),
        acr=event.get("acr"),
        login_age_s=int(moment) - login if isinstance(login, int) else None,
        time=datetime.fromtimestamp(moment, UTC),
        expected=_decided(str(decided), event.get("approver")),
    )
    return RecordedCall(case, kept, event.get("subject"))


def decided_again(policy: Policy, call: RecordedCall) -> str:
    """Return the decision of `policy` about a call: that of `outcome`, or `UNDECIDED`."""
    if LEFT_OUT in call.name:
        return UNDECIDED
    unless = {name: rule.unless for name, rule in policy.approve.items()}
    # In the order of the service, so that conditions are looked at only where they matter.
    for conditions, without in (
        (policy.when, replace(policy, when={}, approve={})),
        (unless, replace(policy, approve={})),
    ):
        if (decision := outcome(without, call.case)) != ALLOWED:
            return decision
        if call.case.method == "tools/call" and not _are_readable(conditions, call):
            return UNDECIDED
    return outcome(policy, call.case)


def _decided(code: str, approver: object) -> str:
    """Return the decision about a call, which begins in the journal before it is approved."""
    return needs_approval(approver) if code == ALLOWED and isinstance(approver, str) else code


def _are_readable(conditions: Conditions, call: RecordedCall) -> bool:
    """Check whether the journal kept what the conditions on a call look at."""
    pattern = first_pattern(conditions, call.name) if conditions else None
    return pattern is None or all(_is_readable(each, call) for each in conditions[pattern])


def _is_readable(alternative: Alternative, call: RecordedCall) -> bool:
    """Check whether the journal kept what the tests of an alternative look at: it keeps no annotations."""
    if alternative.annotations:
        return False
    if not alternative.arguments:
        return True
    return call.kept is not None and all(
        _was_kept(test.value_in(call.kept)) for test in alternative.arguments
    )


def _was_kept(value: object) -> bool:
    """Check that a value is as it was: fractions and large numbers are kept as text, and text can be cut."""
    return not isinstance(value, str) or not (MASK in value or LEFT_OUT in value or _may_be_number(value))


def _may_be_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _full(arguments: object) -> Mapping[str, Any] | None:
    kept = arguments.get("full") if isinstance(arguments, dict) else None
    is_whole = isinstance(kept, dict) and LEFT_OUT not in _names_in(kept)
    return kept if isinstance(kept, dict) and is_whole else None


def _names_in(value: object) -> frozenset[str]:
    """Return the names of all members: a cut argument has one that stands for those left out."""
    if isinstance(value, dict):
        return frozenset(value).union(*map(_names_in, value.values()))
    return frozenset().union(*map(_names_in, value)) if isinstance(value, list) else frozenset()


def _prompt(name: str) -> dict[str, str]:
    return {"type": "ref/prompt", "name": name}


def _named(method: str, name: object) -> dict[str, Any]:
    """Return the parameters that name what the call used."""
    if not isinstance(name, str):
        return {}
    if method.startswith("resources/"):
        return {"uri": name}
    if method == "completion/complete":
        return {"ref": {"type": "ref/resource", "uri": name} if ":" in name else _prompt(name)}
    return {"name": name}
