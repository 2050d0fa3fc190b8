"""Every class of stored documents, its form, and an example of it with all members."""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from shared.storage.json_codec import STORED_AS, JsonCodec

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = Path(__file__).with_name("stored_documents")

Json = dict[str, Any]


class Kind(NamedTuple):
    """A class of stored documents, and the module whose codec stores it."""

    module: str
    name: str

    @property
    def cls(self) -> type[Any]:
        cls: type[Any] = getattr(importlib.import_module(self.module), self.name)
        return cls

    @property
    def version(self) -> int:
        return JsonCodec(self.cls).version

    def file(self, version: int) -> Path:
        return DIRECTORY / f"{self.name}.{version}.json"


def kinds() -> list[Kind]:
    """Find the classes by the codecs in the code: a new one cannot be forgotten."""
    by_name: dict[str, Kind] = {}
    for path in sorted((ROOT / "auth_service").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        source = path.read_text()
        # Every process of a test run does this: most files need not be parsed.
        for name in _coded(source) if "JsonCodec(" in source else ():
            by_name.setdefault(name, Kind(module, name))
    return list(by_name.values())


def _coded(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "JsonCodec":
            (cls, *_) = node.args
            assert isinstance(cls, ast.Name), f"line {node.lineno}: name the class of the codec"
            yield cls.id


def form(cls: type[Any]) -> Json:
    """Describe the members of a class: the type of each, its default, and the members inside."""
    hints = get_type_hints(cls)
    return {member(field): _described(field, hints[field.name]) for field in fields(cls)}


def _described(field: Field[Any], hint: object) -> str | Json:
    default = "" if field.default is MISSING else f" = {field.default!r}"
    described = f"{_type_name(hint)}{default}"
    inner = _dataclass_in(hint)
    return {described: form(inner)} if inner else described


def _type_name(hint: object) -> str:
    if get_origin(hint) in (Union, UnionType):
        return " | ".join(sorted(map(_type_name, get_args(hint))))
    if get_origin(hint) is Literal:
        return "Literal" + repr(sorted(get_args(hint)))
    if arguments := get_args(hint):
        return f"{_plain_name(get_origin(hint))}[{', '.join(map(_type_name, arguments))}]"
    # The name of a class is not stored, its members are.
    return "document" if is_dataclass(hint) else _plain_name(hint)


def _plain_name(hint: object) -> str:
    return "..." if hint is Ellipsis else str(getattr(hint, "__name__", hint))


def member(field: Field[Any]) -> str:
    """Return the name under which a field is stored."""
    return str(field.metadata.get(STORED_AS, field.name))


def example(cls: type[Any]) -> Json:
    """Make the members of a document in which no field has its default."""
    hints = get_type_hints(cls)
    return {member(field): _value(hints[field.name], field) for field in fields(cls)}


def _value(hint: object, field: Field[Any]) -> object:
    choices = [choice for choice in _choices(hint) if choice is not type(None)]
    choice = choices[0]
    if is_dataclass(choice):
        return example(choice)  # type: ignore[arg-type]
    if get_origin(choice) is tuple:
        return [_value(get_args(choice)[0], field)]
    if get_origin(choice) is dict:
        return {"name": _value(get_args(choice)[1], field)}
    if get_origin(choice) is Literal:
        return next(value for value in get_args(choice) if value != field.default)
    values = {str: f"a {field.name}", int: 1_790_000_000, float: 1.5, bool: field.default is not True}
    return values.get(choice, {"name": "value"})  # type: ignore[call-overload]


def _choices(hint: object) -> tuple[object, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _dataclass_in(hint: object) -> type[Any] | None:
    for choice in _choices(hint):
        for item in (choice, *get_args(choice)):
            if isinstance(item, type) and is_dataclass(item):
                return item
    return None


def golden(kind: Kind) -> str:
    """Return the content of the file for the present form of a kind."""
    content = {"form": form(kind.cls), "document": {"v": kind.version, **example(kind.cls)}}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for stored in kinds():
        stored.file(stored.version).write_text(golden(stored))
