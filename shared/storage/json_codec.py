"""Converts frozen dataclasses to JSON bytes and back, across releases.

Every document carries the version of its shape in the member `v`. A release reads the documents of all
earlier releases (a migration converts each version to the next) and those of the release after it, because
both run side by side during a rolling upgrade. Unknown members are preserved: a document of a newer release
that an older release changes loses nothing. So a new version may add members, and may stop writing a member
only one release after it stopped reading it. The way back to the previous release therefore stays open.

A class declares its migrations itself, in `MIGRATIONS`, so that every codec of the class agrees:

    MIGRATIONS: ClassVar[tuple[Migration, ...]] = (scope_to_scopes,)
"""

from __future__ import annotations

import functools
import json
import operator
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from operator import attrgetter
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    NamedTuple,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from shared.storage.compression import compress, expand

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

Members = dict[str, Any]
Migration = Callable[[Members], Members]
"""Converts the members of one version to those of the next."""

READ_OFTEN = 1_024
"""For `remembered`, where most requests read a document of the kind: about 3 MB."""

VERSION = "v"

STORED_AS = "stored_as"
"""Metadata of a field that was renamed: the name of its member, which documents still use."""

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class UnreadableDocumentError(ValueError):
    """Bytes in the store are not a document of the expected kind, or the document is too new to read."""


class _Decoded(NamedTuple, Generic[T]):
    """A decoded document.

    Attributes:
        is_ours: whether the bytes are of this release's version, and contain nothing that it does not know.
    """

    document: T
    is_ours: bool


class JsonCodec(Generic[T]):
    """Converts documents of one dataclass to JSON bytes and back.

    A member is left out if its value is the default of its field: so the default of a stored field never
    changes.

    Args:
        cls: a dataclass, each field of a type that is JSON's own, ``tuple[str, ...]``, another such dataclass
            or a tuple of those; optional if the default is None.
        migrations: the first converts version 1 to version 2, and so on; the last leads to the current shape.
            None for those that the class declares in `MIGRATIONS`.
        compressed: whether documents are compressed, for kinds of which many are kept for long.
        remembered: how many decoded documents are kept, by their bytes, for documents that are read often.
        just_written: how many documents are kept, by their bytes, since they were encoded, for those that are
            read next in the same process. No member of them may change afterwards.
    """

    def __init__(
        self,
        cls: type[T],
        migrations: tuple[Migration, ...] | None = None,
        *,
        compressed: bool = False,
        remembered: int = 0,
        just_written: int = 0,
    ) -> None:
        self._compressed = compressed
        self._shape = _shape_of(cls)
        self._migrations = migrations_of(cls) if migrations is None else migrations
        self.version = len(self._migrations) + 1
        self._build = functools.lru_cache(remembered)(self._decode) if remembered else self._decode
        self._is_remembered = bool(remembered)
        self._just_written = just_written
        self._written: OrderedDict[bytes, _Decoded[T]] = OrderedDict()

    def encode(self, document: T, *, replacing: bytes | None = None) -> bytes:
        """Encode the document.

        Args:
            replacing: the bytes it replaces; members in them that this release does not know are preserved.

        Raises:
            TypeError, ValueError: it contains something that JSON cannot represent.
        """
        members, version = self._shape.members(document), self.version
        # What was read just now needs no second look, if it has no other members than ours.
        is_ours = replacing is None or (self._is_remembered and self._build(replacing).is_ours)
        if replacing is not None and not is_ours:
            old = self._migrated(replacing)
            members, version = self._shape.with_unknown(members, old), max(version, old[VERSION])
        document_bytes = _encoder.encode({VERSION: version, **members}).encode()
        value = compress(document_bytes) if self._compressed else document_bytes
        if is_ours:
            self._note_written(value, document)
        return value

    def decode(self, value: bytes) -> T:
        """Decode the document in `value`.

        Raises:
            UnreadableDocumentError: it is not a document of this kind.
        """
        return self._build(value).document

    def _note_written(self, value: bytes, document: T) -> None:
        if self._just_written:
            self._written[value] = _Decoded(document, is_ours=True)
            if len(self._written) > self._just_written:
                self._written.popitem(last=False)

    def _decode(self, value: bytes) -> _Decoded[T]:
        if (written := self._written.pop(value, None)) is not None:
            return written
        members = self._migrated(value)
        try:
            document = cast("T", self._shape.build(members))
            return _Decoded(document, members[VERSION] == self.version and self._shape.knows(members))
        except (TypeError, ValueError, KeyError) as error:
            raise UnreadableDocumentError(f"not a {self._shape.cls.__name__}: {error}") from error

    def _migrated(self, value: bytes) -> Members:
        """Return the members in the current shape; their version is that of the bytes if that is newer."""
        try:
            members = json.loads(expand(value))
            # Before versions were written, all documents had the shape of version 1.
            version = operator.index(members.get(VERSION, 1))
            if version > self.version + 1:
                raise ValueError(
                    f"a newer release wrote it: version {version}; this one reads up to {self.version + 1}"
                )
            if version < 1:
                raise ValueError(f"there is no version {version}")
            for migration in self._migrations[version - 1 :]:
                members = migration(members)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnreadableDocumentError(f"not a {self._shape.cls.__name__}: {error}") from error
        return {**members, VERSION: max(version, self.version)}


def version_of(value: bytes) -> int | None:
    """Return the version of a document; None for other bytes, such as a counter or a sealed value."""
    try:
        members = json.loads(expand(value))
    except ValueError:
        return None
    return int(members.get(VERSION, 1)) if isinstance(members, dict) else None


def migrations_of(cls: type[Any]) -> tuple[Migration, ...]:
    """Return the migrations that the class declares; none, while its shape is that of version 1."""
    declared: tuple[Migration, ...] = getattr(cls, "MIGRATIONS", ())
    return declared


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """The mapping between a dataclass and JSON members.

    Attributes:
        tuples: the fields that are tuples, which JSON represents as lists.
        nested: the fields that are dataclasses, or tuples of them, with their shapes.
        defaults: of each field, in the order of the names; MISSING for a field without one.
        own_names: the names of members, and of the version.
        stored_as: the member of each field whose member has another name (`STORED_AS`). All names above are
            names of members.
    """

    cls: type[Any]
    names: tuple[str, ...]
    values_of: Callable[[Any], tuple[Any, ...]]
    tuples: frozenset[str]
    nested: dict[str, _Shape]
    defaults: tuple[Any, ...]
    stored_as: dict[str, str]
    own_names: frozenset[str]

    def members(self, document: object) -> Members:
        triples = zip(self.names, self.values_of(document), self.defaults, strict=True)
        # Unlike `==`, this tells 0 from False.
        members = {n: v for n, v, d in triples if v is not d and (type(v) is not type(d) or v != d)}
        for name in self.nested.keys() & members.keys():
            if members[name] is None:
                continue
            members[name] = self._each(name, members[name], self.nested[name].members)
        return members

    def build(self, members: Members) -> object:
        values = {name: value for name, value in members.items() if name in self.own_names}
        values.pop(VERSION, None)
        for name in self.nested.keys() & values.keys():
            if values[name] is not None:
                values[name] = self._each(name, values[name], self.nested[name].build)
        for name in self.tuples & values.keys():
            if values[name] is not None:
                values[name] = tuple(values[name])
        for field, member in self.stored_as.items():
            if member in values:
                values[field] = values.pop(member)
        return self.cls(**values)

    def knows(self, members: Members) -> bool:
        """Check that `with_unknown` finds nothing to keep in `members`."""
        return members.keys() <= self.own_names and all(
            shape.knows(members[name])
            for name, shape in self.nested.items()
            if isinstance(members.get(name), dict)
        )

    def with_unknown(self, members: Members, old: Members) -> Members:
        """Return `members` plus those of `old` that this shape does not know."""
        kept = {name: value for name, value in old.items() if name not in self.names and name != VERSION}
        for name, shape in self.nested.items():
            if isinstance(members.get(name), dict) and isinstance(old.get(name), dict):
                members[name] = shape.with_unknown(members[name], old[name])
        return {**members, **kept}

    def _each(self, name: str, value: Any, change: Callable[[Any], Any]) -> Any:  # noqa: ANN401
        return [change(item) for item in value] if name in self.tuples else change(value)


@functools.cache
def _shape_of(cls: type[Any]) -> _Shape:
    # Cached: several collections hold documents of the same class, whose annotations are slow to evaluate.
    hints = get_type_hints(cls)
    stored_as = {
        field.name: field.metadata[STORED_AS] for field in fields(cls) if STORED_AS in field.metadata
    }
    members = {field.name: stored_as.get(field.name, field.name) for field in fields(cls)}
    names = tuple(members.values())
    choices = {member: _choices(hints[name]) for name, member in members.items()}
    tuples = frozenset(n for n in names if any(get_origin(choice) is tuple for choice in choices[n]))
    nested = {name: dataclass for name in names if (dataclass := _dataclass_in(choices[name]))}
    # A class can be hashed, which mypy does not see.
    shapes = {name: _shape_of(member) for name, member in nested.items()}  # type: ignore[arg-type]
    return _Shape(
        cls=cls,
        names=names,
        values_of=_getter(tuple(members)),
        tuples=tuples,
        nested=shapes,
        defaults=tuple(f.default for f in fields(cls)),
        stored_as=stored_as,
        own_names=frozenset({*names, VERSION}),
    )


def _choices(hint: object) -> tuple[object, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _dataclass_in(choices: tuple[object, ...]) -> type[Any] | None:
    """Find the dataclass that a field holds, by itself or in a tuple."""
    items = [item for choice in choices for item in (choice, *_tuple_items(choice))]
    return next((item for item in items if isinstance(item, type) and is_dataclass(item)), None)


def _tuple_items(hint: object) -> tuple[object, ...]:
    return get_args(hint) if get_origin(hint) is tuple else ()


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    get = attrgetter(*names)
    # With a single name, attrgetter returns the bare value.
    return get if len(names) > 1 else lambda document: (get(document),)
