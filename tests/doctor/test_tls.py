"""Certificates, good and bad, of real servers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.cli.doctor.verdict import Status
from tests.doctor.certificates import Authority
from tests.doctor.examining import problems, run
from tests.doctor.serving import Stage, staging

FIX = (
    "Install a certificate from a public authority for this exact host name, with its intermediate "
    "certificates, and renew it before it expires. For `doorward up --https`, see `doorward trust`."
)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure_stage(authority: Authority) -> Iterator[Stage]:
    identity = authority.issue("good", "127.0.0.1")
    with staging(certificate=identity.certificate, key=identity.key) as stage:
        yield stage


def test_a_pair_over_tls_is_as_good_as_any(secure_stage: Stage, authority: Authority) -> None:
    pair = secure_stage.put_on()
    report = run(pair.mcp_url, login=True, ca_file=authority.certificate)
    assert problems(report) == {}
    assert {line.status for line in report.lines if line.check.id in ("tls", "tls-expiry")} == {Status.OK}


def test_a_certificate_of_an_unknown_authority_is_named(secure_stage: Stage) -> None:
    pair = secure_stage.put_on()
    lines = problems(run(pair.mcp_url))
    assert lines.keys() == {"reachable", "tls"}
    assert "not from an authority that clients trust" in lines["tls"]


@pytest.mark.parametrize(
    ("name", "address", "valid", "words"),
    [
        pytest.param("other", "127.0.0.2", (-DAY, DAY), "for another host name", id="another name"),
        pytest.param("old", "127.0.0.1", (-2 * DAY, -DAY), "has expired", id="expired"),
        pytest.param("early", "127.0.0.1", (DAY, 2 * DAY), "not valid yet", id="not yet valid"),
    ],
)
def test_a_bad_certificate_is_named_with_what_is_wrong(
    authority: Authority, name: str, address: str, valid: tuple[timedelta, timedelta], words: str
) -> None:
    identity = authority.issue(name, address, valid=valid)
    with staging(certificate=identity.certificate, key=identity.key) as stage:
        report = run(stage.put_on().mcp_url, ca_file=authority.certificate)
    by_id = {line.check.id: line for line in report.lines}
    assert words in by_id["tls"].finding
    assert (by_id["tls"].status, by_id["tls"].fix) == (Status.FAILURE, FIX)


def test_a_certificate_that_is_about_to_expire_is_named(authority: Authority) -> None:
    identity = authority.issue("soon", "127.0.0.1", valid=(-DAY, 3 * DAY))
    with staging(certificate=identity.certificate, key=identity.key) as stage:
        lines = problems(run(stage.put_on().mcp_url, ca_file=authority.certificate))
    assert lines.keys() == {"tls-expiry"}
    assert "3 days left" in lines["tls-expiry"]


def test_a_server_that_speaks_no_tls_is_named(stage: Stage) -> None:
    lines = problems(run(stage.put_on().mcp_url.replace("http://", "https://")))
    assert lines.keys() == {"reachable", "tls"}
    assert "TLS handshake fails" in lines["tls"]


def test_nothing_is_sent_in_the_clear_where_the_mcp_server_is_secure(
    secure_stage: Stage, stage: Stage, authority: Authority, tmp_path: Path
) -> None:
    pair = secure_stage.put_on()
    pair.both_documents(token_endpoint="http://auth.example/token")
    lines = problems(run(pair.mcp_url, ca_file=authority.certificate))
    assert "because an https server names a plain http URL" in lines["unknown-client-token"]
    assert "http://auth.example/token" in lines["https"]
