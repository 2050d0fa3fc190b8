"""Reason codes: a stable name for each reason of a refusal, in addition to the sentence for people."""

from __future__ import annotations

from enum import Enum, unique


class ReasonCode(Enum):
    """Base of a service's catalogue. A member's value is its meaning, or its meaning and a remedy.

    Attributes:
        meaning: one sentence, for the documentation.
        remedy: what the operator can do; empty if there is nothing to do.
    """

    def __init__(self, meaning: str, remedy: str = "") -> None:
        self.meaning = meaning
        self.remedy = remedy

    @property
    def code(self) -> str:
        """The name in logs and responses. It never changes, even if the sentence does."""
        return self.name.lower()


@unique
class CommonReason(ReasonCode):
    """Refusals of both services that do not depend on the purpose of the request."""

    NOT_FOUND = (
        "Nothing is served at this path.",
        "Paste the URL in DOORWARD_RESOURCE as the MCP URL, and check that the proxy forwards paths "
        "unchanged.",
    )
    METHOD_NOT_ALLOWED = "The path does not support this method."
    REQUEST_NOT_ACCEPTED = "The framework refused the request; the error description has the reason."
    BODY_TOO_LARGE = (
        "The body is larger than the endpoint accepts.",
        "If the size is intended, raise DOORWARD_MAX_BODY_BYTES and the limit of the proxy.",
    )
    URL_TOO_LONG = "The URL is longer than any endpoint accepts."
    HEADERS_TOO_LARGE = "The headers are larger than any endpoint accepts."
    OTHER_HOST_NAME = (
        "A request used another host name than the public one; it was answered nevertheless.",
        "If people or clients use this name, change the setting in the line above to a URL with this "
        "name, because all announced URLs are derived from it. If a proxy replaces the public name, "
        "configure the proxy to forward the Host header unchanged.",
    )
    UNEXPECTED_ERROR = (
        "An unhandled exception; the log has the traceback.",
        "This is a bug, or a dependency of the service has failed. Report it with the traceback above.",
    )


def reasons_table(catalogue: type[ReasonCode]) -> str:
    """Return a catalogue as a Markdown table."""
    rows = (f"| `{reason.code}` | {reason.meaning} | {reason.remedy} |" for reason in catalogue)
    return "\n".join(("| code | meaning | what to do |", "| --- | --- | --- |", *rows))
