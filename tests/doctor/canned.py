"""Exchanges without a network: what a rule is held against when no real server can be had to break it."""

from __future__ import annotations

from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.exchange import Answer, Exchange, Request, Trouble
from shared.cli.doctor.judgement import Line, judge
from shared.cli.doctor.profiles import Profile
from shared.cli.doctor.verdict import Check


def answered(
    url: str, status: int = 200, body: bytes = b"", seconds: float = 0.0, **headers: str
) -> Exchange:
    """A GET that was answered; headers with underscores for hyphens."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Exchange(
        request=Request(method="GET", url=url),
        answer=Answer(status=status, headers=named, body=body),
        seconds=seconds,
    )


def unanswered(url: str, trouble: Trouble) -> Exchange:
    """A GET that was not."""
    return Exchange(request=Request(method="GET", url=url), answer=None, trouble=trouble)


def evidence_of(mcp_url: str, **members: object) -> Evidence:
    """Evidence of a server that answers 401, with whatever else."""
    post = answered(mcp_url, 401)
    evidence = Evidence(mcp_url=mcp_url, pasted=post, post=post)
    for name, value in members.items():
        setattr(evidence, name, value)
    return evidence


def line(check: Check, evidence: Evidence, profile: Profile | None = None) -> Line:
    """The finding of one check."""
    return judge([check], evidence, profile)[0]
