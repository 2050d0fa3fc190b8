"""Poll requests of receivers of security events (RFC 8936 §2.2)."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from shared.json_text import parse_json

MAX_EVENTS = 256
"""The maximum in one response, regardless of the request; `moreAvailable` reports that there are others."""
MAX_NAMES = 4_096
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class EventPoll:
    """A poll.

    Attributes:
        max_events: the maximum in the response; 0 to acknowledge only.
        return_immediately: whether to respond at once even without events.
        acknowledged: the `jti` of events that the receiver has processed.
        failed: `jti` of events that it could not process, and why.
    """

    max_events: int = MAX_EVENTS
    return_immediately: bool = False
    acknowledged: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def seen(self) -> tuple[str, ...]:
        """Every event that must not be sent again (RFC 8936 §2.3)."""
        return (*self.acknowledged, *(jti for jti, _ in self.failed))


def parse_poll(body: bytes) -> EventPoll:
    """Parse a poll; unknown members are ignored.

    Raises:
        InvalidRequestError: the poll is not JSON, or a member is not valid.
    """
    try:
        members = parse_json(body)
    except ValueError as error:
        raise InvalidRequestError(
            Reason.BODY_MALFORMED, "the body must be JSON", detail=str(error)
        ) from error
    if not isinstance(members, dict):
        raise InvalidRequestError(Reason.BODY_MALFORMED, "the body must be a JSON object")
    immediately = members.get("returnImmediately", False)
    if not isinstance(immediately, bool):
        raise InvalidRequestError(Reason.BODY_MALFORMED, "returnImmediately must be true or false")
    return EventPoll(
        _max_events(members.get("maxEvents", MAX_EVENTS)),
        immediately,
        _names(members.get("ack", []), "ack"),
        _failures(members.get("setErrs", {})),
    )


def _max_events(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidRequestError(Reason.BODY_MALFORMED, "maxEvents must be a whole number, 0 or more")
    return min(value, MAX_EVENTS)


def _names(value: object, member: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        raise InvalidRequestError(
            Reason.BODY_MALFORMED, f"{member} must be a list of at most {MAX_NAMES} jti"
        )
    if not all(isinstance(name, str) and 0 < len(name) <= MAX_NAME for name in value):
        raise InvalidRequestError(Reason.BODY_MALFORMED, f"{member} must contain the jti of events")
    return tuple(value)


def _failures(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise InvalidRequestError(Reason.BODY_MALFORMED, "setErrs must be an object")
    names = _names(list(value), "setErrs")
    return tuple(zip(names, map(_failure, value.values()), strict=True))


def _failure(value: object) -> str:
    # RFC 8936 §2.6: a code, and a description for people.
    if not isinstance(value, dict) or not isinstance(value.get("err"), str):
        raise InvalidRequestError(Reason.BODY_MALFORMED, "each member of setErrs must be an object with err")
    description = value.get("description", "")
    if not isinstance(description, str):
        raise InvalidRequestError(Reason.BODY_MALFORMED, "the description of an error must be a string")
    return f"{value['err']}: {description}"[:MAX_NAME]
