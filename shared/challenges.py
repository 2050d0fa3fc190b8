"""Parse ``WWW-Authenticate`` like a client (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9728 §5.1). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# challenge = auth-scheme [ 1*SP #auth-param ]; auth-param = token BWS "=" BWS ( token / quoted-string )
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 -- a grammar rule
_PARAMETER = re.compile(
    rf'[\s,]*(?P<name>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,"]+))\s*(?=,|\Z)',
    re.DOTALL,
)
_END = re.compile(r"[\s,]*\Z")
_SCHEME = re.compile(rf"[\s,]*(?P<scheme>{_TOKEN})(?:\s++|\s*+(?=,)|\Z)(?!\s*=)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of the header, with parameter names in lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(value: str) -> list[Challenge] | None:
    """Parse the challenges in a header value; None if it violates the grammar."""
    challenges: list[Challenge] = []
    position = 0
    while not _END.match(value, position):
        if challenges and (parameter := _PARAMETER.match(value, position)):
            text = parameter["bare"] or re.sub(r"\\(.)", r"\1", parameter["quoted"] or "", flags=re.DOTALL)
            challenges[-1].parameters[parameter["name"].lower()] = text
            position = parameter.end()
        elif scheme := _SCHEME.match(value, position):
            challenges.append(Challenge(scheme["scheme"]))
            position = scheme.end()
        else:
            return None
    return challenges


def bearer_challenge(value: str | None) -> Challenge | None:
    """Return the challenge of the Bearer scheme; None if it is missing or not valid."""
    challenges = parse_challenges(value or "") or []
    return next((challenge for challenge in challenges if challenge.scheme.lower() == "bearer"), None)
