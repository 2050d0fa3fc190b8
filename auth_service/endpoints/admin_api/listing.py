"""Lists of the admin API: a page at a time, continued by a cursor."""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Iterable
from typing import TypeVar

from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from shared import base64url

T = TypeVar("T")
Key = tuple[int | str, ...]

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


def listing(items: Iterable[T], key: Callable[[T], Key], query: Parameters) -> tuple[list[T], str | None]:
    """Return the items that `query` selects, in the order of their keys, and the cursor of the next ones.

    The cursor names the last item, so that nothing is skipped or repeated when items before it come or go.

    Raises:
        InvalidRequestError: `limit` or `after` is not valid.
    """
    limit, after = limit_of(query.get("limit")), _cursor(query.get("after"))
    rest = sorted(items, key=key)
    if after is not None:
        try:
            rest = [item for item in rest if key(item) > after]
        except TypeError:
            raise _invalid_cursor() from None
    some = rest[:limit]
    return some, (_encoded(key(some[-1])) if len(rest) > limit else None)


def limit_of(value: str | None) -> int:
    """Return the number of items that a request wants.

    Raises:
        InvalidRequestError: it is not a number within the limits.
    """
    if value is None:
        return DEFAULT_LIMIT
    if not value.isascii() or not value.isdigit() or len(value) > 4 or not 1 <= int(value) <= MAX_LIMIT:
        raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, f"limit must be a number from 1 to {MAX_LIMIT}")
    return int(value)


def _cursor(value: str | None) -> Key | None:
    if value is None:
        return None
    try:
        key = json.loads(base64url.decode(value))
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid_cursor() from None
    if not isinstance(key, list) or not all(type(part) in (int, str) for part in key):
        raise _invalid_cursor()
    return tuple(key)


def _encoded(key: Key) -> str:
    return base64url.encode(json.dumps(key).encode())


def _invalid_cursor() -> InvalidRequestError:
    return InvalidRequestError(Reason.ADMIN_VALUE_INVALID, "after must be the cursor of an earlier response")
