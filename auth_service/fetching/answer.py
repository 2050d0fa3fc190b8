"""Reads a response within bounds, and decides whether it is acceptable."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

import httpcore2

from auth_service.fetching.errors import FetchError
from shared.http_exchange import TooLargeError, read_at_most
from shared.json_text import parse_json

# Not text/plain: a raw file in a repository or paste is not a statement by the owner of the host.
_JSON_TYPES = ("application/json", "text/json")


@dataclass(frozen=True, slots=True)
class Fetched:
    """An accepted response.

    Attributes:
        headers: by name in lower case; values of the same name joined with a comma (RFC 9110 §5.2).
        body: the complete body, as received.
    """

    headers: Mapping[str, str]
    body: bytes
    status: int = 200

    def json(self) -> object:
        """Parse the body as JSON.

        Raises:
            FetchError: the content type is not JSON, or the body is not.
        """
        content_type = self.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if content_type not in _JSON_TYPES and not content_type.endswith("+json"):
            raise FetchError("it is not served as JSON", detail=f"content type {content_type!r}")
        try:
            return parse_json(self.body)
        except ValueError as error:
            raise FetchError("it is not JSON", detail=str(error)) from error


async def read_answer(response: httpcore2.Response, statuses: tuple[int, ...], max_bytes: int) -> Fetched:
    """Read the headers and body of `response`.

    Args:
        statuses: the acceptable statuses.
        max_bytes: the limit for the body; a larger one is an error, not truncated.

    Raises:
        FetchError: the response is not acceptable.
    """
    headers = _headers(response)
    _check_status(response.status, statuses)
    _check_size(headers, max_bytes)
    return Fetched(headers, await _body(response, max_bytes), response.status)


def _headers(response: httpcore2.Response) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _check_status(status: int, expected: tuple[int, ...]) -> None:
    if status not in expected:
        passing = status == 429 or status >= 500
        raise FetchError(f"its server responded with status {status}, not {expected[0]}", passing=passing)


def _check_size(headers: Mapping[str, str], max_bytes: int) -> None:
    # Compressed bodies were not requested, and a small one could expand into a large one: do not read them.
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise FetchError("it is compressed, although compression was not requested")
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise _too_large(max_bytes)


async def _body(response: httpcore2.Response, max_bytes: int) -> bytes:
    async with aclosing(response.aiter_stream()) as chunks:
        try:
            return await read_at_most(chunks, max_bytes)
        except TooLargeError as error:
            raise _too_large(max_bytes) from error


def _too_large(max_bytes: int) -> FetchError:
    return FetchError(f"it is larger than {max_bytes} bytes")
