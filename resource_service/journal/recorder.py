"""Records the calls of one resource: begun before they are forwarded, completed after."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from starlette.types import Message, Scope

from resource_service.errors import Refusal, malformed_message
from resource_service.journal.call_journal import CallJournal
from resource_service.journal.call_members import MAX_NAME, Call, calls_in
from resource_service.journal.encoded_calls import EncodedCalls
from resource_service.journal.results import Result, WatchedResponse
from resource_service.messages.jsonrpc import INVALID_REQUEST
from resource_service.policy.rules import Policy
from resource_service.principal import Principal
from resource_service.reasons import Reason
from shared.journal.event import EncodedMembers, EventKind, encoded_members
from shared.journal.redaction import text_of

MAX_CALLS = 100
"""Calls in one HTTP request: each is an event."""
_TOO_MANY = f"A batch must have at most {MAX_CALLS} requests."


class RecordedCalls:
    """The calls of one request, until it has ended.

    Attributes:
        response: notes how this service responds.
    """

    __slots__ = ("_begun_at", "_journal", "_numbers", "response")

    def __init__(self, journal: CallJournal, numbers: Sequence[int]) -> None:
        self._journal = journal
        self._numbers = numbers
        self._begun_at = time.monotonic()
        self.response = WatchedResponse()

    def complete(self, refusal: Refusal | None = None) -> None:
        """Record how the calls ended; a second time changes nothing.

        Args:
            refusal: the response, if this service answered instead of the server behind it.
        """
        numbers, self._numbers = self._numbers, ()
        response = self.response
        for number in numbers:
            self._journal.complete(
                number,
                result=_result(response, refusal),
                status=refusal.status if refusal else response.status,
                reason_code=refusal.reason.code if refusal else None,
                bytes_out=response.size,
                duration_ms=int((time.monotonic() - self._begun_at) * 1000),
            )


ApproverOf = Callable[[Policy, Principal, object], str | None]
"""Returns who must approve the call that a message is; None if it needs no approval."""


def no_approver(_policy: Policy, _principal: Principal, _message: object) -> str | None:
    """Return that no call needs an approval."""
    return None


class VerifiedRequest(NamedTuple):
    """A request whose caller is known, and the policy that applies to it."""

    scope: Scope
    principal: Principal
    policy: Policy
    approver_of: ApproverOf


class CallRecorder:
    """Records the calls of one resource.

    Args:
        mount: its path in this service.
        hash_key: for arguments of which only a digest is kept.
    """

    def __init__(self, journal: CallJournal, resource: str, mount: str, hash_key: bytes) -> None:
        self._journal = journal
        self._encoded = EncodedCalls(resource, mount, hash_key)
        self.mount = mount

    async def begin(self, request: VerifiedRequest, messages: Iterable[object], size: int) -> RecordedCalls:
        """Record calls; return when that is stored, so that they can be forwarded.

        Args:
            size: bytes of all messages.

        Raises:
            Refusal: they cannot be recorded, and must not be forwarded.
        """
        if not self._journal.is_recording:
            return RecordedCalls(self._journal, ())
        calls = [*islice(calls_in(messages), MAX_CALLS + 1)]
        if len(calls) > MAX_CALLS:
            raise malformed_message(Reason.MESSAGE_MALFORMED, _TOO_MANY, rpc_code=INVALID_REQUEST)
        encoded = self._encoded
        shared = encoded.of_request(request.scope, request.principal, bytes_in=size)
        members = [
            {**shared, **encoded.of_call(call, request.policy), **_approval(call, request)} for call in calls
        ]
        return RecordedCalls(self._journal, await self._journal.begin(members) if members else ())

    def refuse(self, request: VerifiedRequest, messages: Iterable[object], refusal: Refusal) -> None:
        """Record calls of a verified caller that were refused before they were forwarded."""
        shared = self._encoded.of_request(
            request.scope, request.principal, status=refusal.status, reason_code=refusal.reason.code
        )
        decided = {} if refusal.rule is None else encoded_members({"rule": text_of(refusal.rule, MAX_NAME)})
        for call in [*islice(calls_in(messages), MAX_CALLS)] or [("", {})]:
            members = {**shared, **self._encoded.of_call(call, request.policy), **decided}
            self._journal.note(EventKind.CALL_REFUSED, members)

    def count_refusal(self) -> None:
        """Count a request whose caller could not be verified; it is not recorded."""
        self._journal.unverified_refusals += 1


class Recording:
    """Records one request, as the guard learns about it."""

    __slots__ = ("_calls", "_recorder", "_request", "_scope", "messages")

    def __init__(self, recorder: CallRecorder, scope: Scope) -> None:
        self._recorder = recorder
        self._scope = scope
        self._request: VerifiedRequest | None = None
        self._calls: RecordedCalls | None = None
        self.messages: Sequence[object] | None = None

    def verified(self, principal: Principal, policy: Policy, approver_of: ApproverOf = no_approver) -> None:
        """Note who the caller is."""
        self._request = VerifiedRequest(self._scope, principal, policy, approver_of)

    async def begin(self, size: int) -> None:
        """Record the calls of the messages; see `CallRecorder.begin`."""
        if self._request is not None and self.messages is not None:
            self._calls = await self._recorder.begin(self._request, self.messages, size)

    def note_response(self, message: Message) -> None:
        """Note a message of the response to the calls."""
        if self._calls is not None:
            self._calls.response.note(message)

    def refuse(self, refusal: Refusal) -> None:
        """Record that this service refuses the request."""
        if self._calls is not None:
            self._calls.complete(refusal)
        elif self._request is None:
            self._recorder.count_refusal()
        elif self._scope["method"] == "POST" and refusal.reason is not Reason.JOURNAL_UNAVAILABLE:
            self._recorder.refuse(self._request, self.messages or (), refusal)

    def end(self) -> None:
        """Record that the request has ended."""
        if self._calls is not None:
            self._calls.complete()


def _approval(call: Call, request: VerifiedRequest) -> EncodedMembers:
    """Return the member of a call that runs only after an approval."""
    if not request.policy.approve:
        return {}
    method, params = call
    approver = request.approver_of(request.policy, request.principal, {"method": method, "params": params})
    return {} if approver is None else encoded_members({"approver": approver})


def _result(response: WatchedResponse, refusal: Refusal | None) -> Result:
    if refusal is not None:
        return Result.REFUSED if refusal.status < 500 else Result.FAILED
    return response.result
