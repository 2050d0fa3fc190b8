"""A document is replaced as by the standard library."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import pytest

from auth_service.protocol.grant import Grant
from shared.replacing import replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    x: int = 1
    y: tuple[int, ...] = ()


@dataclass(frozen=True)
class WithoutSlots:
    x: int = 1


@dataclass(frozen=True, slots=True)
class Checked:
    x: int
    y: int = 0

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("negative")


@dataclass(frozen=True, slots=True)
class Derived(Checked):
    z: int = field(default=5)


GRANT = Grant(
    grant_id="g", client_id="c", scopes=("a",), created_at=1, expires_at=2, state="active", amr=("pwd",)
)


@pytest.mark.parametrize(
    ("document", "changes"),
    [
        (Point(x=3, y=(4,)), {}),
        (Point(x=3), {"y": (1,), "x": 0}),
        (WithoutSlots(3), {"x": 4}),
        (Checked(3), {"x": 4}),
        (Derived(3, 4), {"z": 6}),
        (GRANT, {"state": "revoked", "jkt": None}),
    ],
)
def test_a_copy_has_the_changes_and_everything_else(document: Any, changes: dict[str, Any]) -> None:
    before = dataclasses.asdict(document)
    assert replace(document, **changes) == dataclasses.replace(document, **changes)
    assert type(replace(document, **changes)) is type(document)
    assert dataclasses.asdict(document) == before


def test_a_document_that_checks_itself_is_checked() -> None:
    with pytest.raises(ValueError, match="negative"):
        replace(Checked(1), x=-1)


def test_a_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="nothing"):
        replace(Point(), nothing=1)  # type: ignore[call-arg]
