"""All metrics of the authorization server, and the one object that measures them."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.protocol.reasons import Reason
from shared.journal.event import EventKind
from shared.metrics.declarations import counter, gauge, latency
from shared.metrics.measurements import Measurements
from shared.metrics.requests import OF_REQUESTS, RequestMeter
from shared.metrics.sampler import Sampler

GRANTS_OPENED = counter("doorward_grants_opened_total", "Opened grants, with a code or with tokens.")
TOKENS_ISSUED = counter(
    "doorward_tokens_issued_total", "Issued tokens: the `first` of a grant, or by a `refresh`.", "use"
)
GRANTS_REVOKED = counter("doorward_grants_revoked_total", "Grants that were revoked, for any reason.")
REUSE_FOUND = counter(
    "doorward_token_reuse_total",
    "Codes and refresh tokens that were used twice, by the reason code of the refusal.",
    "reason",
)
LOGINS = counter(
    "doorward_logins_total",
    "Logins by method (such as `password`) and outcome.",
    "method",
    "outcome",
)
JOURNAL_EVENTS = counter("doorward_journal_events_total", "Events that were recorded in the journal.", "kind")
JOURNAL_LAG = latency(
    "doorward_journal_record_duration_seconds", "Time that a decision waited until its event was stored."
)
JOURNAL_WAITING = gauge("doorward_journal_waiting_events", "Events of the journal that wait to be stored.")
JOURNAL_GAP = counter(
    "doorward_journal_missing_events_total",
    "Events that the journal does not contain, because the store was away for too long.",
)
JOURNAL_BEYOND_SHARE = counter(
    "doorward_journal_beyond_share_events_total",
    "Events caused by strangers, such as registrations, that exceeded their share of the journal.",
)
JOURNAL_REMOVED_EARLY = counter(
    "doorward_journal_removed_early_events_total",
    "Events that the journal removed before `journal_retention_days`, because it had reached its size.",
)
JOURNAL_PROBLEMS = gauge(
    "doorward_journal_problems",
    "Chains of the journal that were changed, as of the last verification; once a day.",
    combined="max",
)
STORE_UP = gauge("doorward_store_up", "1 if the store answered the last probe.", combined="min")
STORE_LATENCY = latency(
    "doorward_store_probe_duration_seconds", "Time of one ping of the store, once a second."
)
STORE_COMPLAINTS = gauge(
    "doorward_store_complaints",
    "Problems of the store that may lose acknowledged writes: settings, memory, replicas, clocks.",
    combined="max",
)
PASSWORD_QUEUE = gauge("doorward_password_queue_length", "Logins that wait until their password is checked.")
PASSWORD_WAIT = latency(
    "doorward_password_queue_wait_seconds", "Time that a login waited until its password was checked."
)

METRICS = (
    *OF_REQUESTS,
    *(GRANTS_OPENED, TOKENS_ISSUED, GRANTS_REVOKED, REUSE_FOUND, LOGINS),
    *(JOURNAL_EVENTS, JOURNAL_LAG, JOURNAL_WAITING, JOURNAL_GAP, JOURNAL_BEYOND_SHARE),
    *(JOURNAL_REMOVED_EARLY, JOURNAL_PROBLEMS),
    *(STORE_UP, STORE_LATENCY, STORE_COMPLAINTS, PASSWORD_QUEUE, PASSWORD_WAIT),
)

_OF_REUSE = frozenset({Reason.REFRESH_TOKEN_USED_TWICE.code, Reason.CODE_USED_TWICE.code})

_FAILED_LOGINS = {
    Reason.LOGIN_FAILED.code: ("password", "failed"),
    Reason.LOGIN_FAILURES_EXCEEDED.code: ("password", "rate_limited"),
    Reason.LOGIN_QUEUE_FULL.code: ("password", "busy"),
    Reason.SECOND_FACTOR_WRONG.code: ("second_factor", "failed"),
    Reason.SECOND_FACTOR_FAILURES_EXCEEDED.code: ("second_factor", "rate_limited"),
}

_METHODS = {"pwd": "password", "hwk": "passkey", "swk": "passkey", "otp": "code"}
"""The method of a login by the first of its values in `amr` (RFC 8176)."""


class AuthMetrics:
    """Measures what happens in one process of the authorization server."""

    def __init__(self, measurements: Measurements) -> None:
        self.measurements = measurements
        self.sampler = Sampler()
        self.request_done = RequestMeter(measurements, self._refused).measure
        for reason in _OF_REUSE:  # from 0 on, so that the first one is an increase
            measurements.add(REUSE_FOUND, reason, amount=0.0)

    def _refused(self, reason: str) -> None:
        if reason in _OF_REUSE:
            self.measurements.add(REUSE_FOUND, reason)
        elif outcome := _FAILED_LOGINS.get(reason):
            self.measurements.add(LOGINS, *outcome)

    def recorded(self, kind: EventKind, members: Mapping[str, object], seconds: float) -> None:
        """Measure an event of the journal that was stored after `seconds`."""
        self.measurements.add(JOURNAL_EVENTS, kind.value)
        self.measurements.observe(JOURNAL_LAG, seconds)
        match kind:
            case EventKind.GRANT_OPENED:
                self.measurements.add(GRANTS_OPENED)
            case EventKind.TOKENS_ISSUED:
                self._issued(members)
            case EventKind.GRANT_REVOKED:
                self.measurements.add(GRANTS_REVOKED)
            case EventKind.LOGIN:
                self.measurements.add(LOGINS, _method(members), "succeeded")

    def provider_failed(self) -> None:
        """Measure a login at an identity provider that failed."""
        self.measurements.add(LOGINS, "provider", "failed")

    def waited(self, seconds: float) -> None:
        """Measure how long a login waited for its turn."""
        self.measurements.observe(PASSWORD_WAIT, seconds)

    def _issued(self, members: Mapping[str, object]) -> None:
        # A grant without a code is opened together with its first tokens.
        if "session" in members:
            self.measurements.add(GRANTS_OPENED)
        first = members.get("generation") in (0, 1)
        self.measurements.add(TOKENS_ISSUED, "first" if first else "refresh")


def _method(members: Mapping[str, object]) -> str:
    if members.get("provider"):
        return "provider"
    methods = members.get("methods")
    first = methods[0] if isinstance(methods, list) and methods else ""
    return _METHODS.get(first, "other")
