"""Finds the stop that concerns a request. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from resource_service.policy.patterns import matches
from resource_service.principal import Principal
from shared.stops import Stop, StopKind
from shared.uris import resource_key

_NAMED_BY = frozenset({"tools/call", "prompts/get"})


@dataclass(slots=True, eq=False)
class StoppableRequest:
    """A request of a principal to one resource."""

    resource: str
    principal: Principal
    messages: Sequence[object]

    def stopped_by(self, stops: Iterable[Stop]) -> Stop | None:
        """Return the first stop that concerns the request."""
        return next((stop for stop in stops if self._is_stopped_by(stop)), None)

    def _is_stopped_by(self, stop: Stop) -> bool:
        match stop.kind:
            case StopKind.PERSON:
                return stop.name == self.principal.subject
            case StopKind.CLIENT:
                return stop.name == self.principal.client_id
            case StopKind.SOFTWARE:
                return stop.name in (self.principal.software or ())
            case StopKind.MOUNT:
                return is_same(stop.name, self.resource)
            case StopKind.TOOL:
                here = stop.resource is None or is_same(stop.resource, self.resource)
                return here and any(matches(stop.name, name) for name in self._names())

    def _names(self) -> Iterable[str]:
        for message in self.messages:
            match message:
                case {"method": str(method), "params": {"name": str(name)}} if method in _NAMED_BY:
                    yield name


def is_same(one: str, other: str) -> bool:
    """Check whether two URLs name the same resource, in any equivalent spelling."""
    try:
        return one == other or resource_key(one) == resource_key(other)
    except ValueError:
        return False
