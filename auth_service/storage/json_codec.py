"""Flat frozen dataclasses as JSON bytes, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class UnreadableDocumentError(ValueError):
    """Bytes in the store are not a document of the kind looked for."""


def json_codec(cls: type[T]) -> tuple[Callable[[T], bytes], Callable[[bytes], T]]:
    """Make the two functions that turn documents of `cls` into JSON bytes and back.

    Members that are None are left out. Members that `cls` does not know are ignored on reading, so that an
    older release reads what a newer one wrote.

    Args:
        cls: a dataclass, each field of a type that is JSON's own or ``tuple[str, ...]``,
            None added where the default is None.

    Returns:
        encode and decode; decode raises `UnreadableDocumentError` for bytes that are no such document.
    """
    names = tuple(field.name for field in fields(cls))
    tuples = tuple(name for name, hint in get_type_hints(cls).items() if name in names and _is_tuple(hint))
    values_of = _getter(names)

    def encode(document: T) -> bytes:
        pairs = zip(names, values_of(document), strict=True)
        return _encoder.encode({name: value for name, value in pairs if value is not None}).encode()

    def decode(value: bytes) -> T:
        try:
            members = _known(json.loads(value), names)
            for name in tuples:
                if name in members:
                    members[name] = tuple(members[name])
            return cls(**members)
        except (TypeError, ValueError) as error:
            raise UnreadableDocumentError(f"not a {cls.__name__}: {error}") from error

    return encode, decode


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    get = attrgetter(*names)
    # Given one name, attrgetter gives the bare value.
    return get if len(names) > 1 else lambda document: (get(document),)


def _known(document: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: document[name] for name in names if name in document}


def _is_tuple(hint: object) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return any(_is_tuple(choice) for choice in get_args(hint))
    return get_origin(hint) is tuple
