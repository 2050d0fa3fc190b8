"""Rules that need a host, a clock or a network that no test has: held against recorded exchanges."""

from __future__ import annotations

import json

import pytest

from shared.cli.doctor.checks import CHECKS, connection, documents
from shared.cli.doctor.evidence import Place
from shared.cli.doctor.exchange import Trouble
from shared.cli.doctor.profiles import PROFILES, Profile
from shared.cli.doctor.verdict import Status
from tests.doctor.canned import answered, evidence_of, line, unanswered

MCP = "https://tools.example/mcp"
METADATA = "https://tools.example/.well-known/oauth-protected-resource"


def test_plain_http_is_for_loopback_only() -> None:
    assert line(connection.https, evidence_of("http://localhost:9001/mcp")).status is Status.OK
    finding = line(connection.https, evidence_of("http://tools.example/mcp"))
    assert finding.status is Status.FAILURE
    assert finding.fix == (
        "Serve the URL over https, and use the https URL in the settings of both services."
    )


HOSTED = [profile for profile in PROFILES.values() if profile.hosted]


@pytest.mark.parametrize("profile", HOSTED, ids=lambda profile: profile.id)
@pytest.mark.parametrize(
    ("url", "why"),
    [
        *((f"{scheme}://localhost/mcp", "the local machine") for scheme in ("http", "https")),
        *(
            (f"https://{host}/mcp", "the local machine")
            for host in ("127.0.0.1", "[::1]", "a.localhost", "0.0.0.0")
        ),
        *((f"https://{host}/mcp", "private network") for host in ("10.0.0.1", "192.168.1.2", "172.16.0.1")),
        *((f"https://{host}/mcp", "private network") for host in ("[fd00::1]", "169.254.1.1", "100.64.0.1")),
        *((f"https://{host}/mcp", "private network") for host in ("nas", "nas.local", "mcp.internal")),
        *((f"https://tools.example:{port}/mcp", f"port {port}") for port in (8443, 80, 9001)),
        ("http://tools.example/mcp", "plain http"),
        ("https://8.8.8.8/mcp", "not a host name"),
    ],
)
def test_a_hosted_client_never_reaches_what_is_not_public(profile: Profile, url: str, why: str) -> None:
    finding = line(connection.hosted, evidence_of(url, profile=profile), profile)
    assert finding.status is Status.FAILURE
    assert why in finding.finding
    assert url in finding.finding


@pytest.mark.parametrize("member", ["issuer", "token_endpoint", "registration_endpoint"])
def test_a_hosted_client_must_reach_the_authorization_server_too(member: str) -> None:
    document = {"issuer": "https://auth.example", "token_endpoint": "https://auth.example/token"}
    document[member] = "https://auth.example:9000"
    metadata = answered(
        "https://auth.example", body=json.dumps(document).encode(), content_type="application/json"
    )
    evidence = evidence_of(
        MCP, profile=PROFILES["claude"], named_issuer=document["issuer"], server_metadata=[metadata]
    )
    assert "port 9000" in line(connection.hosted, evidence).finding


def test_a_public_host_is_reached_by_hosted_clients_and_a_private_one_by_those_on_this_machine() -> None:
    for url in (MCP, "https://tools.example:443/mcp"):
        assert line(connection.hosted, evidence_of(url, profile=PROFILES["chatgpt"])).status is Status.OK
    for profile in (None, PROFILES["claude-code"], PROFILES["vscode"]):
        finding = line(connection.hosted, evidence_of("http://localhost:9001/mcp", profile=profile))
        assert finding.status is Status.SKIPPED


@pytest.mark.parametrize(
    ("exchange", "status"),
    [
        (answered(MCP, 308, location="https://tools.example/mcp"), Status.OK),
        (unanswered(MCP, Trouble.REFUSED), Status.OK),
        (answered(MCP, 401), Status.WARNING),
        (answered(MCP, 301, location="http://www.tools.example/mcp"), Status.WARNING),
    ],
)
def test_plain_http_leads_to_https_or_nowhere(exchange: object, status: Status) -> None:
    finding = line(connection.http_upgrade, evidence_of(MCP, plain_http=exchange))
    assert finding.status is status
    assert finding.fix is None or finding.fix.startswith("Answer plain http with a permanent redirect (308)")


def test_a_slow_answer_is_named() -> None:
    slow = evidence_of(MCP, get=answered(MCP, 401, seconds=7.0))
    assert line(connection.speed, slow).finding == '"/mcp" took 7.0 s'
    assert line(connection.speed, slow).status is Status.WARNING
    assert line(connection.speed, slow, PROFILES["claude"]).status is Status.FAILURE


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost:9000", "https://127.0.0.1/auth", "http://[::1]:9000", "http://auth:9000"),
        *("https://10.1.2.3", "https://192.168.0.9/x", "http://169.254.169.254", "https://auth.internal"),
        *("http://0.0.0.0:9000", "https://printer.local", "https://[fd00::1]/", "http://auth.localhost"),
    ],
)
def test_a_public_server_that_names_a_private_host_is_named(url: str) -> None:
    document = json.dumps({"resource": MCP, "authorization_servers": [url]}).encode()
    finding = line(
        documents.public_urls,
        evidence_of(MCP, resource_metadata=[(Place.ROOT, answered(METADATA, body=document))]),
    )
    assert finding.status is Status.FAILURE
    assert finding.fix == "Configure the public URLs of both services."
    assert url in finding.finding


def test_a_challenge_that_leads_into_a_private_network_is_named() -> None:
    evidence = evidence_of(MCP)
    evidence.post = answered(
        MCP, 401, www_authenticate='Bearer resource_metadata="http://mcp:8000/metadata", scope="a"'
    )
    assert "http://mcp:8000/metadata" in line(documents.public_urls, evidence).finding


@pytest.mark.parametrize(
    ("mcp_url", "named"),
    [
        ("http://localhost:9001/mcp", "http://localhost:9000"),
        ("http://mcp.internal/mcp", "https://10.0.0.1"),
        ("https://tools.example/mcp", "https://8.8.8.8"),
    ],
)
def test_hosts_as_near_as_the_server_itself_are_fine(mcp_url: str, named: str) -> None:
    document = json.dumps({"authorization_servers": [named]}).encode()
    places = [(Place.ROOT, answered(METADATA, body=document))]
    assert line(documents.public_urls, evidence_of(mcp_url, resource_metadata=places)).status is Status.OK


def test_a_profile_moves_the_weight_of_what_its_client_minds() -> None:
    issuer = "https://auth.example"
    metadata = json.dumps({"issuer": issuer, "service_documentation": None}).encode()
    evidence = evidence_of(MCP, server_metadata=[answered(issuer, body=metadata)])
    iss, nulls = CHECKS["iss"], CHECKS["nulls"]
    assert line(iss, evidence).status is Status.WARNING
    assert line(iss, evidence, PROFILES["gemini"]).status is Status.FAILURE
    assert line(nulls, evidence).status is Status.FAILURE
    assert line(nulls, evidence, PROFILES["python-sdk"]).status is Status.WARNING


def test_profiles_speak_of_checks_that_exist_and_of_none_both_ways() -> None:
    for profile in PROFILES.values():
        assert profile.fatal | profile.tolerates <= CHECKS.keys()
        assert not profile.fatal & profile.tolerates
        assert set(profile.registers_by) <= {"CIMD", "DCR"}


def test_registration_is_fatal_for_clients_that_only_register_dynamically() -> None:
    for profile in PROFILES.values():
        assert ("registration-dynamic" in profile.fatal) is (profile.registers_by == ("DCR",))
