"""`doorward doctor`: what it prints, and what its exit status says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shared.cli.doctor.documentation import tables
from shared.cli.main import app
from tests.cli.command import doorward
from tests.doctor.pair import PASSWORD, USERNAME, Pair
from tests.servers import free_port

LOGIN = ("--login", "--username", USERNAME, "--password-stdin")


def doctor(*arguments: str, stdin: str = "", **settings: str) -> Result:
    """The command within this process."""
    return CliRunner(env={"COLUMNS": "40", **settings}).invoke(app, ["doctor", *arguments], input=stdin)


def test_where_nothing_is_wrong_it_says_so(pair: Pair, tmp_path: Path) -> None:
    done = doorward("doctor", pair.mcp_url, *LOGIN, cwd=tmp_path, stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stdout
    assert "Nothing found that stops MCP clients." in done.stdout
    assert PASSWORD not in done.stdout
    assert done.stderr == ""


def test_a_problem_has_one_line_and_its_fix_below(pair: Pair) -> None:
    pair.both_documents(code_challenge_methods_supported=None)
    done = doctor(pair.mcp_url)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    number = next(number for number, line in enumerate(lines) if line.endswith("[pkce]"))
    assert lines[number].split() == [
        *("failure", "PKCE", "with", "S256", "is", "announced:"),
        *("code_challenge_methods_supported", "is", "missing", "[pkce]"),
    ]
    assert lines[number + 1].strip() == (
        '→ Support PKCE with S256 (RFC 7636) and list "S256" in code_challenge_methods_supported.'
    )
    assert "1 failure" in done.stdout


def test_a_warning_fails_only_the_client_that_it_concerns(pair: Pair) -> None:
    pair.both_documents(authorization_response_iss_parameter_supported=None)
    assert doctor(pair.mcp_url).exit_code == 0
    minding = doctor(pair.mcp_url, "--profile", "gemini")
    assert minding.exit_code == 1
    assert "Gemini CLI will not connect." in minding.stdout


def test_a_server_that_is_not_there_is_named() -> None:
    done = doctor(f"http://127.0.0.1:{free_port()}/mcp")
    assert done.exit_code == 1
    [line] = done.stdout.splitlines()
    assert "the connection is refused  [reachable]" in line
    assert line.endswith("→ Start the MCP server, and check the host name, the port and the firewall.")


def test_a_server_that_is_not_there_is_one_check_for_programs() -> None:
    done = doctor(f"http://127.0.0.1:{free_port()}/mcp", "--json")
    [check] = json.loads(done.stdout)["checks"]
    assert (check["id"], check["status"]) == ("reachable", "failure")


def test_for_a_hosted_client_a_dead_server_of_this_machine_would_not_do_either() -> None:
    done = doctor(f"http://127.0.0.1:{free_port()}/mcp", "--profile", "claude")
    reachable, hosted = done.stdout.splitlines()
    assert "[reachable]" in reachable
    assert "[hosted]" in hosted


def test_programs_get_one_json_object(pair: Pair) -> None:
    pair.both_documents(revocation_endpoint=None)
    done = doctor(pair.mcp_url, *LOGIN, "--json", stdin=f"{PASSWORD}\n")
    report = json.loads(done.stdout)
    assert (report["mcp_url"], report["issuer"], report["profile"]) == (pair.mcp_url, pair.issuer, None)
    (problem,) = [check for check in report["checks"] if "fix" in check]
    assert (problem["id"], problem["status"]) == ("revocation", "warning")
    assert problem["fix"] == "Offer token revocation, and announce it as revocation_endpoint."
    assert report["counts"]["warning"] == 1
    assert {"method": "POST", "url": pair.mcp_url, "status": 401}.items() <= report["requests"][0].items()
    assert done.exit_code == 0


def test_no_secret_is_printed(pair: Pair) -> None:
    for flag in ("--json", "--requests"):
        done = doctor(pair.mcp_url, *LOGIN, flag, stdin=f"{PASSWORD}\n")
        for secret in (PASSWORD, "at-", "rt-", "rat-", "code-"):
            assert secret not in done.stdout


def test_requests_are_shown_where_asked_for(pair: Pair) -> None:
    done = doctor(pair.mcp_url, "--requests")
    rows = [line.split()[:3] for line in done.stdout.partition("\nRequests\n")[2].splitlines()]
    assert ["POST", pair.mcp_url, "401"] in rows
    assert ["GET", f"{pair.issuer}/authorize", "400"] in rows


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("ftp://a.example/",), "is not an http or https URL", id="no URL"),
        pytest.param(("http://localhost/mcp", "--profile", "netscape"), "claude-code", id="no such profile"),
        pytest.param(("http://localhost/mcp", "--username", "ada"), "--password-stdin", id="no password"),
        pytest.param(("http://localhost/mcp", "--password-stdin"), "--username", id="no username"),
        pytest.param(("http://localhost/mcp", "--tool", "x"), "require --login", id="no login"),
        pytest.param(("http://localhost/mcp", "--ca-file", "none.pem"), "none.pem", id="no such file"),
        pytest.param((), "mcp_url", id="nothing at all"),
    ],
)
def test_an_unsupported_operation_is_reported_with_status_2(arguments: tuple[str, ...], words: str) -> None:
    done = doctor(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_a_file_without_certificates_is_reported_with_status_2(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    assert doctor(pair.mcp_url, "--ca-file", str(tmp_path / "ca.pem")).exit_code == 2


def test_the_checks_can_be_listed() -> None:
    done = doctor("--list-checks")
    assert (done.exit_code, done.stdout) == (0, f"{tables()}\n")


def test_a_registered_client_with_a_secret_is_used(pair: Pair) -> None:
    port = free_port()
    pair.state.clients["mine"] = {"redirect_uris": [f"http://127.0.0.1:{port}/callback"]}
    pair.rules.any_port = False
    arguments = (*LOGIN, "--client-id", "mine", "--redirect-port", str(port), "--json")
    done = doctor(
        *(pair.mcp_url, *arguments),
        stdin=f"{PASSWORD}\n",
        DOORWARD_DOCTOR_CLIENT_SECRET="s3cret",
    )
    problems = [check["id"] for check in json.loads(done.stdout)["checks"] if "fix" in check]
    assert problems == ["loopback-port"]
    assert pair.state.clients.keys() == {"mine"}
