"""Spans of calls that are made for a request; only used while traces are on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import time_ns
from typing import TYPE_CHECKING, Any, cast

from shared.traces.current import Span, current_span, recorded_span

if TYPE_CHECKING:
    from shared.storage.interface import Store

STORE_CALLS = (
    *("get", "get_many", "create", "replace", "confirm", "delete", "put_once", "count", "uncount"),
    *("index_add", "index_add_within", "index_remove", "index_list"),
    *("log_append", "log_read", "log_last", "log_trim", "publish"),
)


@contextmanager
def client_span(name: str, **attributes: object) -> Iterator[Span | None]:
    """Record a call to another server; yield its span.

    Yields the current span if the request is not recorded, so that its headers still name the trace.
    """
    parent = recorded_span()
    if parent is None:
        yield current_span.get()
        return
    span = Span(name, parent.trace)
    span.parent, span.started_ns = parent, time_ns()
    span.attributes.update(attributes)
    token = current_span.set(span)
    try:
        yield span
    except BaseException as error:
        span.failed = True
        span.attributes["error.type"] = type(error).__name__
        raise
    finally:
        current_span.reset(token)
        span.ended_ns = time_ns()
        span.trace.add(span)


class _TracedStore:
    """A store whose calls are spans of recorded requests, named after the operation, without the keys."""

    def __init__(self, store: Store) -> None:
        self._store = store
        for name in STORE_CALLS:
            setattr(self, name, _traced(name, getattr(store, name)))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- a member of the store
        return getattr(self._store, name)


def traced_store(store: Store) -> Store:
    """Return a store that records the calls of recorded requests."""
    return cast("Store", _TracedStore(store))


def _traced(name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    label = f"store {name}"

    async def recorded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- those of the store
        with client_span(label):
            return await method(*args, **kwargs)

    def call(*args: Any, **kwargs: Any) -> Awaitable[Any]:  # noqa: ANN401 -- those of the store
        return method(*args, **kwargs) if recorded_span() is None else recorded(*args, **kwargs)

    return call
