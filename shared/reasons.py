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
        "Nothing is served at that path. The MCP URL to paste is DOORWARD_RESOURCE; see that the proxy "
        "passes paths on as docs/reference/configuration.md says.",
    )
    METHOD_NOT_ALLOWED = "The path is served, but not with this method."
    REQUEST_NOT_ACCEPTED = "The framework refused the request for another reason; the sentence says which."
    BODY_TOO_LARGE = (
        "The body is larger than the endpoint accepts.",
        "If messages of that size are meant to come, raise DOORWARD_MAX_BODY_BYTES, and the limit of the "
        "proxy.",
    )
    URL_TOO_LONG = "The URL is longer than any endpoint accepts."
    HEADERS_TOO_LARGE = "The headers are larger than any endpoint accepts."
    OTHER_HOST_NAME = (
        "A request came for another host name than the public one; it is answered all the same.",
        "If people or clients use that name, set the setting in the line above to a URL with it, as every "
        "announced URL comes from there. If a proxy puts it in place of the public one, let the proxy pass "
        "on the Host header as it came.",
    )
    UNEXPECTED_ERROR = (
        "An exception that nothing caught; the log has its traceback.",
        "This is a defect, or something the service depends on has failed. The traceback above says where; "
        "report it with the traceback.",
    )


def reasons_table(catalogue: type[ReasonCode]) -> str:
    """Return a catalogue as a Markdown table."""
    rows = (f"| `{reason.code}` | {reason.meaning} | {reason.remedy} |" for reason in catalogue)
    return "\n".join(("| code | meaning | what to do |", "| --- | --- | --- |", *rows))
