"""Plans the replacement of the key from which pairwise subjects are derived (ID-12)."""

from __future__ import annotations

from auth_service.declarative.model import PairwiseChange, State

RESTART = "takes effect when the authorization server starts again"


def plan_pairwise(sealed: str, state: State, problems: list[str]) -> list[PairwiseChange]:
    """Return the change, if there is one."""
    before = state.pairwise_key
    if sealed == before:
        return []
    key = state.sealed.pairwise_key(sealed)
    if key is None:
        problems.append("pairwise_subjects.sealed_key: it is encrypted under other master keys")
        return []
    if before is not None and key == state.sealed.pairwise_key(before):
        return []
    return [
        PairwiseChange(
            action="change" if before else "add", name="key", details=(RESTART,), sealed=sealed, before=before
        )
    ]
