"""The requirements, by id, and how far each is held. `test_requirements.py` ties them to the tests.

A test names what it proves with ``@pytest.mark.requirement("AS-1")``. *Held*: tests prove all of it.
*Partial*: they prove some of it; what is missing is said. *Planned*: nothing of it is there yet; the subject
of the issue that brings it is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["MUST", "MUST NOT", "SHOULD"]


@dataclass(frozen=True, slots=True)
class Held:
    """Tests prove all of it."""


@dataclass(frozen=True, slots=True)
class Partial:
    """Tests prove some of it."""

    missing: str


@dataclass(frozen=True, slots=True)
class Planned:
    """Nothing of it is there yet."""

    issue: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """One numbered requirement, in a line."""

    id: str
    level: Level
    text: str
    status: Held | Partial | Planned


HELD = Held()
RUN = "what people run for years: configuration, upgrades, backups"
PLANNED_GATEWAY = Planned("the gateway people choose")
PLANNED_GATE = Planned("ways round the policy, and revocation that does not arrive")
PLANNED_BOUNDS = Planned("nobody may stop it for the others")

AUTHORIZATION_SERVER = (
    Requirement("AS-1", "MUST", "OAuth 2.1, PKCE with S256 only", HELD),
    Requirement("AS-2", "MUST", "RFC 8414 and OpenID discovery, complete, equal where they overlap", HELD),
    Requirement("AS-3", "MUST", "one issuer string everywhere, byte for byte", HELD),
    Requirement("AS-4", "SHOULD", "`iss` in every authorization response (RFC 9207)", HELD),
    Requirement("AS-5", "MUST", "RFC 7591 registration, tolerant of what clients send", HELD),
    Requirement("AS-6", "MUST", "RFC 7592 registration management", HELD),
    Requirement("AS-7", "MUST", "registration policy, quotas, expiry, and re-used software grouped", HELD),
    Requirement("AS-8", "SHOULD", "client ID metadata documents", HELD),
    Requirement(
        "AS-9", "MUST", "consent that says what is asked for, and is never silent where it must not be", HELD
    ),
    Requirement("AS-10", "MUST", "redirect URIs compared exactly, any port on loopback", HELD),
    Requirement("AS-11", "MUST", "client authentication at the token endpoint, one method a request", HELD),
    Requirement("AS-12", "MUST", "all six grants", HELD),
    Requirement(
        "AS-13", "MUST", "refresh rotation with reuse detection and an idempotent grace window", HELD
    ),
    Requirement("AS-14", "MUST", "RFC 8707 resource indicators", HELD),
    Requirement("AS-15", "MUST", "RFC 7662 introspection for those it concerns", HELD),
    Requirement("AS-16", "MUST", "RFC 7009 revocation, effective at once", HELD),
    Requirement(
        "AS-17",
        "MUST",
        "OpenID Connect",
        HELD,
    ),
    Requirement("AS-18", "MUST", "PAR, request objects and DPoP", HELD),
    Requirement("AS-19", "MUST", "opaque access tokens by default, RFC 9068 where configured", HELD),
    Requirement(
        "AS-20", "MUST", "an unknown client gets `invalid_client`, or a page that says what to do", HELD
    ),
    Requirement("AS-21", "MUST", "every advertised scope can be granted, unknown ones are dropped", HELD),
    Requirement("AS-22", "MUST", "no nulls, no-store on tokens, CORS for browser clients", HELD),
    Requirement("AS-23", "MUST", "sessions, CSRF protection, throttled login", HELD),
    Requirement("AS-24", "MUST", "the front channel keeps its own parameters", HELD),
    Requirement("AS-25", "MUST", "plain forms with the names that scripts and password managers know", HELD),
)

RESOURCE_SERVER = (
    Requirement("RS-1", "MUST", "RFC 9728 metadata at both well-known places", HELD),
    Requirement("RS-2", "MUST", "challenges that tell a client where to go", HELD),
    Requirement("RS-3", "MUST", "the audience checked on every request, the token in the header only", HELD),
    Requirement("RS-4", "MUST", "`insufficient_scope` before anything runs, per tool", HELD),
    Requirement("RS-5", "MUST NOT", "the client's token reaches the server behind the gateway", HELD),
    Requirement("RS-6", "MUST", "bad Origin refused; CORS for browser clients", HELD),
    Requirement("RS-7", "MUST", "503 while the authorization server cannot be asked", HELD),
    Requirement("RS-8", "MUST", "MCP sessions bound to the principal that opened them", HELD),
    Requirement("RS-9", "MUST", "a transparent gateway", HELD),
    Requirement(
        "RS-10", "MUST", "the current and the previous transport, and aliases for the one before", HELD
    ),
    Requirement("RS-11", "MUST", "every refusal explained in the log, by request id", HELD),
    Requirement(
        "RS-12",
        "MUST",
        "what was judged is what is forwarded",
        HELD,
    ),
    Requirement("RS-13", "MUST", "a long-lived answer ends with its token, and at shutdown", HELD),
    Requirement("RS-14", "MUST", "resource URIs judged by every way in which they are read", HELD),
    Requirement(
        "RS-15",
        "MUST",
        "a caller always gets an answer",
        HELD,
    ),
    Requirement("RS-16", "MUST", "limits count the person, and stop nobody else", HELD),
)

EXTENSIONS = (
    Requirement("EXT-1", "MUST", "MCP client credentials", HELD),
    Requirement("EXT-2", "MUST", "enterprise-managed authorization (ID-JAG)", HELD),
    Requirement("EXT-3", "MUST", "DPoP at both services", HELD),
    Requirement("EXT-4", "MUST", "workload identity federation", HELD),
)

ATTACKS = (
    Requirement("SEC-1", "MUST", "redirect URI tricks fail", HELD),
    Requirement("SEC-2", "MUST", "duplicated parameters fail", HELD),
    Requirement("SEC-3", "MUST", "mix-up fails", HELD),
    Requirement("SEC-4", "MUST", "script in a page fails", HELD),
    Requirement("SEC-5", "MUST", "tricks on consent fail", HELD),
    Requirement("SEC-6", "MUST", "tricks with a code fail", HELD),
    Requirement("SEC-7", "MUST", "tricks with a refresh token fail", HELD),
    Requirement("SEC-8", "MUST", "false client authentication fails", HELD),
    Requirement(
        "SEC-9", "MUST", "revocation by another client fails, and a refresh in flight does not undo one", HELD
    ),
    Requirement("SEC-10", "MUST", "introspection without authority, or as an oracle, fails", HELD),
    Requirement("SEC-11", "MUST", "tricks on the resource server fail", HELD),
    Requirement("SEC-12", "MUST", "outbound fetches reach nothing they should not", HELD),
    Requirement("SEC-13", "MUST", "abuse of registration fails", HELD),
    Requirement("SEC-14", "MUST", "Host and X-Forwarded headers change nothing", HELD),
    Requirement("SEC-15", "MUST", "an outage of the authorization server fails closed", HELD),
    Requirement("SEC-16", "MUST", "attacks on login fail", HELD),
    Requirement("SEC-17", "MUST", "malformed input gets a 4xx, never a 5xx", HELD),
)

BOUNDS = (
    Requirement(
        "BOUND-1",
        "MUST",
        "work for somebody unauthenticated is bounded",
        HELD,
    ),
    Requirement(
        "BOUND-2",
        "MUST",
        "what is stored for a stranger is bounded in bytes",
        HELD,
    ),
    Requirement(
        "BOUND-3",
        "MUST",
        "global limits keep a share for those who used little",
        HELD,
    ),
    Requirement("BOUND-4", "MUST", "counting is one atomic store operation", HELD),
    Requirement("BOUND-5", "MUST", "outbound fetches take turns", HELD),
)

PEOPLE = (
    Requirement("ID-1", "MUST", "login through OpenID providers and GitHub", HELD),
    Requirement("ID-2", "MUST", "accounts by allow list, linked by verified e-mail only", HELD),
    Requirement(
        "ID-3",
        "MUST",
        "groups and people decide on resources and scopes",
        Partial("GitHub is not asked again for teams"),
    ),
    Requirement("ID-4", "MUST", "access re-evaluated at every refresh", HELD),
    Requirement("ID-5", "MUST", "passkeys and TOTP, required by policy", HELD),
    Requirement("ID-6", "MUST", "password strength by estimate and list", HELD),
    Requirement("ID-7", "MUST", "an account page with everything of a person", HELD),
    Requirement("ID-8", "MUST", "console and admin API through the same code", HELD),
    Requirement("ID-9", "SHOULD", "facts at consent", HELD),
    Requirement("ID-10", "MUST", "every step of a person is idempotent for their browser", HELD),
    Requirement(
        "ID-11",
        "MUST",
        "accessible, translatable pages with own looks",
        HELD,
    ),
    Requirement("ID-12", "MUST", "`doorward apply` and `export`", HELD),
)

OPERATION = (
    Requirement("OP-1", "MUST", "installs as wheel, image, compose, chart, unit", HELD),
    Requirement("OP-2", "MUST", "one true table of settings, `*_FILE`, unknown names refused", HELD),
    Requirement(
        "OP-3",
        "MUST",
        "acknowledged is kept, by a chosen durability",
        Partial("Valkey is not tried"),
    ),
    Requirement("OP-4", "MUST", "backup and restore", HELD),
    Requirement(
        "OP-5",
        "MUST",
        "rolling upgrades; documents migrate on read",
        Partial("there are no two releases yet; tested between two commits"),
    ),
    Requirement("OP-6", "MUST", "commands check their input first", HELD),
)

GATEWAY = (
    Requirement(
        "GW-1",
        "MUST",
        "credentials of people for upstreams",
        HELD,
    ),
    Requirement("GW-2", "MUST", "a link to connect is for one person", HELD),
    Requirement(
        "GW-3",
        "MUST",
        "several mounts behind one URL",
        HELD,
    ),
    Requirement(
        "GW-4",
        "MUST",
        "what was approved is what runs",
        HELD,
    ),
    Requirement(
        "GW-5",
        "MUST",
        "limits shared by replicas, a stop switch",
        HELD,
    ),
    Requirement(
        "GW-6",
        "SHOULD",
        "approval of a call",
        Partial("no notice to clients of 2025-11-25 when a call is approved"),
    ),
    Requirement(
        "GW-7",
        "SHOULD",
        "conditions on arguments and groups",
        Partial("no conditions on networks; the pages show them only after a refusal"),
    ),
    Requirement("GW-8", "MUST", "task ids bound to their principal", HELD),
)

JOURNAL = (
    Requirement("JR-1", "MUST", "every decision is one event", HELD),
    Requirement("JR-2", "MUST", "recorded before the effect", HELD),
    Requirement("JR-3", "MUST", "chained and signed", HELD),
    Requirement("JR-4", "MUST", "arguments by redaction rule", HELD),
    Requirement("JR-5", "MUST", "searchable by administrators and people", HELD),
    Requirement("JR-6", "MUST", "bounded; exports", HELD),
    Requirement(
        "JR-7",
        "MUST",
        "metrics and traces",
        Partial("traces take 6 % of an introspection, and less of anything else"),
    ),
)

REQUIREMENTS = {
    requirement.id: requirement
    for requirement in (
        *AUTHORIZATION_SERVER,
        *RESOURCE_SERVER,
        *BOUNDS,
        *PEOPLE,
        *OPERATION,
        *JOURNAL,
        *GATEWAY,
        *EXTENSIONS,
        *ATTACKS,
    )
}
