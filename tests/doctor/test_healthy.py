"""Servers that do everything right: the doctor has nothing to say, however they are laid out."""

from __future__ import annotations

import pytest

from shared.cli.doctor.checks import store
from shared.cli.doctor.login.options import LoginOptions
from shared.cli.doctor.profiles import PROFILES
from shared.cli.doctor.verdict import Status
from tests.doctor.examining import problems, run
from tests.doctor.misconfiguration import OPENID_METADATA, nothing_at
from tests.doctor.pair import PASSWORD, USERNAME, Pair
from tests.doctor.serving import Stage


def test_nothing_is_found_where_nothing_is_wrong(pair: Pair) -> None:
    report = run(pair.mcp_url)
    assert problems(report) == {}
    assert report.issuer == pair.issuer


@pytest.mark.parametrize(
    ("mcp_path", "issuer_path"),
    [("/mcp", "/tenant"), ("/tools/mcp", "/a/b"), ("", ""), ("/", ""), ("/mcp/", "")],
)
def test_paths_are_looked_up_where_they_belong(stage: Stage, mcp_path: str, issuer_path: str) -> None:
    pair = stage.put_on(mcp_path=mcp_path.rstrip("/"), issuer_path=issuer_path)
    report = run(f"{stage.mcp_origin}{mcp_path}", login=True)
    expected = {"resource-exact", "resource-metadata-path"} if mcp_path == "/mcp/" else set()
    assert problems(report).keys() == expected
    assert report.issuer == pair.issuer


def test_a_login_with_everything_after_it_finds_nothing(pair: Pair) -> None:
    report = run(pair.mcp_url, login=True)
    assert problems(report) == {}
    skipped = {line.check.id for line in report.lines if line.status is Status.SKIPPED}
    assert skipped == {
        *(check.id for check in store.CHECKS),  # only a Doorward describes its store
        *(
            "tls",
            "tls-expiry",
            "hosted",
            "http-upgrade",
            "forwarded",
            "register-profile",
            "step-up-challenge",
            "step-up",
        ),
    }


def test_a_tool_that_needs_more_makes_it_ask_for_more(pair: Pair) -> None:
    report = run(pair.mcp_url, login=LoginOptions(username=USERNAME, password=PASSWORD, tool="write"))
    assert problems(report) == {}
    by_id = {line.check.id: line for line in report.lines}
    assert by_id["step-up"].status is Status.OK
    assert by_id["step-up-challenge"].finding == '"tools:write"'


@pytest.mark.parametrize("tool", [None, "write"])
def test_a_server_of_the_revision_without_a_handshake_is_understood(pair: Pair, tool: str | None) -> None:
    pair.mcp.stateless = True
    report = run(pair.mcp_url, login=LoginOptions(username=USERNAME, password=PASSWORD, tool=tool))
    assert problems(report) == {}
    assert next(line.finding for line in report.lines if line.check.id == "tools") == "2 tools"


def test_a_server_without_openid_connect_need_not_serve_its_discovery(pair: Pair) -> None:
    nothing_at(pair, "auth", OPENID_METADATA)
    assert problems(run(pair.mcp_url)) == {}


def test_a_server_with_openid_connect_under_a_path_serves_it_at_both_urls(stage: Stage) -> None:
    pair = stage.put_on(issuer_path="/tenant")
    nothing_at(pair, "auth", f"/tenant{OPENID_METADATA}")
    assert problems(run(pair.mcp_url)) == {
        "server-metadata-places": f'"{pair.issuer}{OPENID_METADATA}" answers 404'
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_connects(pair: Pair, profile: str) -> None:
    lines = problems(run(pair.mcp_url, login=True, profile=profile))
    # These servers are on this machine, where no hosted client gets to.
    assert lines.keys() == ({"hosted"} if PROFILES[profile].hosted else set())


@pytest.mark.parametrize("profile", [None, "claude", "cursor"])
def test_nothing_is_left_behind(pair: Pair, profile: str | None) -> None:
    run(pair.mcp_url, login=LoginOptions(username=USERNAME, password=PASSWORD, tool="write"), profile=profile)
    assert pair.state.clients == {}
    assert len(pair.state.grants) == 2
    assert not any(grant.alive for grant in pair.state.grants)


def test_a_client_that_is_registered_already_is_used_and_left(pair: Pair) -> None:
    pair.both_documents(registration_endpoint=None)
    pair.state.clients["mine"] = {"redirect_uris": ["http://127.0.0.1:1/callback"]}
    report = run(pair.mcp_url, login=LoginOptions(username=USERNAME, password=PASSWORD, client_id="mine"))
    assert problems(report).keys() == {"registration-dynamic"}
    assert pair.state.clients.keys() == {"mine"}
    assert pair.state.grants[0].client_id == "mine"
