"""Validate the request headers that describe the body, which must be plain JSON in UTF-8. Pure.

A server behind us decodes a body as its headers declare. The guard reads it as UTF-8, so any other
declaration is refused, and the forwarded request has our own.
"""

from __future__ import annotations

import re

from starlette.types import Scope

from shared.asgi.repeated_fields import Kept, RawFields, RepeatedFields, derived

# RFC 9110 §8.3.1: media-type = type "/" subtype *( OWS ";" OWS [ parameter ] )
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*(?:({_NAME})=({_NAME}|"[^"\\]*"))?')
_JSON = re.compile(r"application/json(?=[ \t;]|\Z)", re.IGNORECASE)

_BODY = "doorward.body"

ABOUT_THE_BODY = frozenset({b"content-encoding", b"content-length", b"content-type", b"transfer-encoding"})


class UnsupportedMediaTypeError(ValueError):
    """The headers declare something else. The message says what is wrong."""


def check_media_type(scope: Scope) -> None:
    """Check the headers that describe the body of the request of `scope`.

    Raises:
        UnsupportedMediaTypeError: the body is not ``application/json`` in UTF-8, or has a content coding.
    """
    derived(scope["headers"], _check_fields)


def _check_fields(fields: RawFields) -> None:
    if any(name == b"content-encoding" for name, _ in fields):
        raise UnsupportedMediaTypeError("The body must not have a content coding.")
    stated = [value.decode("latin-1") for name, value in fields if name == b"content-type"]
    if stated == ["application/json"]:
        return
    if len(stated) != 1 or not (json := _JSON.match(stated[0].strip(" \t"))):
        raise UnsupportedMediaTypeError("The body must be application/json.")
    for name, value in _parameters(stated[0].strip(" \t")[json.end() :]):
        # charset* is equivalent by RFC 8187; a lenient parser may accept other names with this prefix.
        if name.lower().startswith("charset") and (name.lower(), value.lower()) != ("charset", "utf-8"):
            raise UnsupportedMediaTypeError("The charset of the body must be utf-8.")


def described_as_json(scope: Scope, body: bytes) -> Scope:
    """Return the request of `scope` with headers that describe `body`, and with the body noted."""
    fields, kept = derived(scope["headers"], _described)
    length = (b"content-length", b"%d" % len(body))
    return {**scope, "headers": RepeatedFields((*fields, length), kept), _BODY: body}


def _described(fields: RawFields) -> tuple[list[tuple[bytes, bytes]], Kept]:
    """Return the fields without a length, and where to remember what is derived from them."""
    others = [field for field in fields if field[0] not in ABOUT_THE_BODY]
    return [*others, (b"content-type", b"application/json")], {}


def body_in(scope: Scope) -> bytes | None:
    """Return the body of a request that `described_as_json` describes; None of any other."""
    body: bytes | None = scope.get(_BODY)
    return body


def _parameters(text: str) -> list[tuple[str, str]]:
    parameters: list[tuple[str, str]] = []
    position = 0
    text = text.rstrip(" \t")
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            raise UnsupportedMediaTypeError("The Content-Type header is malformed.")
        if match[1]:
            parameters.append((match[1], match[2].strip('"')))
        position = match.end()
    names = [name.lower() for name, _ in parameters]
    if len(set(names)) < len(names):
        raise UnsupportedMediaTypeError("The Content-Type header repeats a parameter.")
    return parameters
