"""The digests of definitions: whatever a model reads counts, and the notation of JSON does not (GW-4)."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from resource_service.messages.exact_json import loads
from resource_service.pins.definitions import (
    Definition,
    DefinitionKind,
    Difference,
    NoDigestError,
    Pins,
    approve,
    definitions_in,
    digest,
)
from tests.resource_service.pins.mutations import CHANGES, TOOL, shuffled

pytestmark = pytest.mark.requirement("GW-4")

PINS = Pins().with_kind(DefinitionKind.TOOL, definitions_in(DefinitionKind.TOOL, [TOOL]))


def difference(tool: dict[str, Any]) -> Difference | None:
    return PINS.difference(Definition(DefinitionKind.TOOL, tool["name"], tool))


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_of_what_a_model_reads_is_a_difference(change: str) -> None:
    assert difference(CHANGES[change]) is Difference.CHANGED


@pytest.mark.parametrize(
    "name", ["Transfer", "transfer ", "trans\u200bfer", "tr\u0430nsfer", "transfer\u202e", ""]
)
def test_another_name_is_another_tool(name: str) -> None:
    assert difference(TOOL | {"name": name}) is Difference.NEW


def notation(value: Any, source: random.Random) -> bytes:
    """The same JSON value in another notation."""
    text = json.dumps(value, ensure_ascii=source.random() < 0.5, indent=source.choice([None, 1, 4]))
    for number in source.choice(
        [(), (("0.5", "5e-1"),), (("0.5", "0.50"), ("100", "100.0")), (("100", "1E2"),)]
    ):
        text = text.replace(*number)
    return (
        text.replace("e", "\\u0065").replace("tru\\u0065", "true").replace("fals\\u0065", "false").encode()
        if (source.random() < 0.2 and "e-1" not in text and "E2" not in text)
        else text.encode()
    )


def test_the_order_of_members_and_the_notation_are_none() -> None:
    source = random.Random(4)  # noqa: S311 -- no secret
    for _ in range(1_000):
        assert difference(loads(notation(shuffled(TOOL, source), source))) is None


@pytest.mark.parametrize(
    "text", ["1e400", "12345678901234567890", "-9007199254740993", '"\\ud800"', "1.00000000000000000001"]
)
def test_what_parsers_read_differently_has_no_digest(text: str) -> None:
    with pytest.raises(NoDigestError):
        digest(loads(b'{"name": "x", "_meta": {"n": %s}}' % text.encode()))


def test_a_name_with_two_definitions_is_approved_for_neither() -> None:
    other = CHANGES["another word"]
    assert approve(definitions_in(DefinitionKind.TOOL, [TOOL, other, TOOL])) == {}
    assert list(approve(definitions_in(DefinitionKind.TOOL, [TOOL, TOOL]))) == ["transfer"]


def test_what_has_no_name_is_not_a_definition() -> None:
    assert list(definitions_in(DefinitionKind.TOOL, [{}, {"name": 1}, "transfer", None, ["name"]])) == []
