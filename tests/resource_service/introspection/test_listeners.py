"""Every listener to the revocation feed gets every event."""

from __future__ import annotations

from unittest.mock import Mock, call

from resource_service.introspection.listeners import Listeners
from resource_service.introspection.revocation_feed import Listener


def listener(*, live: bool = True) -> Mock:
    """One that notes what it is told."""
    return Mock(spec=Listener, live=live)


def test_every_listener_is_told_everything() -> None:
    both = [listener(), listener()]
    listeners = Listeners(*both)
    listeners.confirm(1.0)
    listeners.revoke("grant")
    listeners.change("grant")
    listeners.doubt()
    calls = [call.confirm(1.0), call.revoke("grant"), call.change("grant"), call.doubt()]
    assert [each.mock_calls for each in both] == [calls, calls]


def test_revocations_arrive_if_they_reach_every_listener() -> None:
    assert Listeners(listener(), listener()).live
    assert not Listeners(listener(), listener(live=False)).live
