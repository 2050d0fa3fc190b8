"""A small subset of YAML without surprises, for files that people write.

Every scalar is text: ``no`` is a word and ``1.0`` is not a number. Duplicate keys, aliases, anchors and tags
are refused. Every error names its line.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Place = tuple[str | int, ...]
"""Where a value is: keys of mappings and positions in lists, from the outermost."""


class PlainYamlError(ValueError):
    """The text is not in the subset.

    Attributes:
        says: a sentence for the author of the file.
        line: the line, from 1; None if unknown.
    """

    def __init__(self, says: str, line: int | None = None) -> None:
        super().__init__(says if line is None else f"line {line}: {says}")
        self.says = says
        self.line = line


class _Loader(yaml.SafeLoader):
    """Composes nodes only, and only from plain YAML."""

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:  # noqa: ANN401
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _at(event.start_mark, "aliases are not supported; quote a pattern that begins with *")
        if getattr(event, "anchor", None) is not None:
            raise _at(event.start_mark, "anchors are not supported; quote text that begins with &")
        if getattr(event, "tag", None) is not None:
            raise _at(event.start_mark, "tags are not supported; quote text that begins with !")
        node: Node | None = super().compose_node(parent, index)
        return node


def root_node(content: bytes) -> Node:
    """Parse the only document in `content`.

    Raises:
        PlainYamlError: the content is not in the subset, or is empty.
    """
    try:
        node = _Loader(content.decode("utf-8")).get_single_node()
    except UnicodeDecodeError:
        raise PlainYamlError("the file is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        raise _at(error.problem_mark, f"this is not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise PlainYamlError(f"this is not YAML: {str(error).partition(chr(10))[0]}") from None
    if node is None:
        raise PlainYamlError("the file is empty")
    return node


def mapping_members(node: MappingNode) -> dict[str, tuple[Node, Node]]:
    """Map each key of a mapping to its key node and its value node.

    Raises:
        PlainYamlError: a key is not text, or is duplicated.
    """
    members: dict[str, tuple[Node, Node]] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise _at(key.start_mark, "a key must be text")
        if key.value in members:
            first = members[key.value][0].start_mark.line + 1
            raise _at(key.start_mark, f"{key.value!r} appears twice, first in line {first}")
        members[key.value] = (key, value)
    return members


def read_values(content: bytes) -> Any:  # noqa: ANN401 -- JSON
    """Return the document in `content` as dictionaries, lists and text.

    Raises:
        PlainYamlError: the content is not in the subset, or is empty.
    """
    return _value(root_node(content))


def read_with_lines(content: bytes) -> tuple[Any, dict[Place, int]]:
    """Return the same as `read_values`, with the line of each value by its place.

    Raises:
        PlainYamlError: it is not in the subset, or empty.
    """
    root, lines = root_node(content), dict[Place, int]()
    value = _value(root)
    _note_lines(root, (), lines)
    return value, lines


def write_values(values: object) -> str:
    """Return values as YAML that `read_values` reads."""
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=10_000)
    return text


def _value(node: Node) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(node, MappingNode):
        return {name: _value(value) for name, (_, value) in mapping_members(node).items()}
    if isinstance(node, SequenceNode):
        return [_value(item) for item in node.value]
    return node.value


def _note_lines(node: Node, place: Place, lines: dict[Place, int]) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        for name, (key, value) in mapping_members(node).items():
            lines[*place, name] = key.start_mark.line + 1
            _note_lines(value, (*place, name), lines)
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            _note_lines(item, (*place, index), lines)


def _at(mark: Any, says: str) -> PlainYamlError:  # noqa: ANN401
    return PlainYamlError(says, None if mark is None else mark.line + 1)
