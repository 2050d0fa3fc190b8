"""`doorward up --https`: an own certificate authority, and clients that trust it or do not."""

from __future__ import annotations

import asyncio
import socket
import ssl
import stat
from pathlib import Path

import httpx2
import pytest
from cryptography import x509

from shared.cli.certificates import Certificates, certificates_in
from shared.cli.console import CommandError
from shared.cli.https_server import FIRST_BYTE_TIMEOUT_S, MAX_HEAD_BYTES, Listener, plain_answer
from tests.cli.command import doorward, up

pytestmark = pytest.mark.requirement("OP-6")


def certificate_of(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def trusting(files: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=files.authority)


def test_each_start_renews_the_certificate_under_the_same_authority(tmp_path: Path) -> None:
    first = certificates_in(tmp_path)
    authority, own = certificate_of(first.authority), certificate_of(first.certificate)
    second = certificates_in(tmp_path)
    assert certificate_of(second.authority) == authority
    assert certificate_of(second.certificate) != own
    assert (own.not_valid_after_utc - own.not_valid_before_utc).days == 30
    for name in ("ca-key.pem", "tls-key.pem"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    own.verify_directly_issued_by(authority)


def test_the_authority_may_certify_this_machine_only(tmp_path: Path) -> None:
    authority = certificate_of(certificates_in(tmp_path).authority)
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    permitted = {str(each.value) for each in constraints.value.permitted_subtrees or ()}
    assert permitted == {"localhost", "127.0.0.0/8", "::1/128"}


def test_an_authority_that_cannot_be_read_is_not_replaced(tmp_path: Path) -> None:
    certificates_in(tmp_path)
    (tmp_path / "ca-key.pem").write_text("no key")
    with pytest.raises(CommandError, match="delete both for a new authority"):
        certificates_in(tmp_path)
    assert (tmp_path / "ca-key.pem").read_text() == "no key"


def test_trust_prints_how_to_trust_it_and_exports_it(tmp_path: Path) -> None:
    missing = doorward("trust", "--data-dir", str(tmp_path), cwd=tmp_path)
    assert (missing.returncode, "start `doorward up --https` first" in missing.stderr) == (2, True)
    files = certificates_in(tmp_path)
    done = doorward("trust", "--data-dir", str(tmp_path), "--export", "copy.pem", cwd=tmp_path)
    for part in (
        "NODE_EXTRA_CA_CERTS",
        "SSL_CERT_FILE",
        "update-ca-certificates",
        "add-trusted-cert",
        "Firefox",
    ):
        assert part in done.stdout, part
    assert (tmp_path / "copy.pem").read_text() == files.authority.read_text()
    printed = doorward("trust", "--data-dir", str(tmp_path), "--pem", cwd=tmp_path)
    assert printed.stdout == files.authority.read_text()


def test_it_is_for_this_machine_only(tmp_path: Path) -> None:
    public = ("--issuer", "https://a.example", "--resource", "https://m.example/mcp")
    done = doorward("up", "--https", *public, cwd=tmp_path)
    assert (done.returncode, "the tunnel serves https" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        (b"GET /mcp?x=1 HTTP/1.1", "307 https://localhost:9001/mcp?x=1"),
        (b"HEAD / HTTP/1.1", "307 https://localhost:9001/"),
        (b"POST /mcp HTTP/1.1", "400 https://localhost:9001/mcp"),
        (b"GET http://evil.example/ HTTP/1.1", "400 https://localhost:9001/"),
        (b"GET /\xff\x00 HTTP/1.1", "400 https://localhost:9001/"),
        (b"GET //evil.example HTTP/1.1", "307 https://localhost:9001//evil.example"),
        (b"\x80", "400 https://localhost:9001/"),
    ],
)
def test_plain_http_is_redirected_or_answered_with_the_url(request_line: bytes, answer: str) -> None:
    head, _, body = plain_answer(request_line + b"\r\nHost: evil.example\r\n\r\n", 9001).partition(
        b"\r\n\r\n"
    )
    status, url = answer.split()
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert (f"\r\nLocation: {url}\r\n".encode() in head) == (status == "307")
    assert body.decode() == ("" if request_line.startswith(b"HEAD") else f"This server speaks https: {url}\n")


async def answers_of_a_listener(context: ssl.SSLContext) -> tuple[bytes, bytes, bytes]:
    """Send half a head, a head without an end, and nothing; the answers, after the listener is closed."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    listener = Listener(listening, asyncio.Protocol, context, port)
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    (half, half_writer), (endless, endless_writer), (silent, _) = opened
    half_writer.write(b"GET / HTTP/1.1\r\n")
    endless_writer.write(b"GET / HTTP/1.1\r\n" + MAX_HEAD_BYTES * b"x")
    answer = await endless.readline()
    listener.close()
    await listener.wait_closed()
    rest = await half.read(), await silent.read()
    for _, writer in opened:
        writer.close()
    return answer, *rest


def test_the_listener_waits_for_no_end_of_a_head_and_closes_connections_without_a_request() -> None:
    async def bounded() -> tuple[bytes, bytes, bytes]:
        async with asyncio.timeout(FIRST_BYTE_TIMEOUT_S / 2):
            return await answers_of_a_listener(ssl.create_default_context())

    assert asyncio.run(bounded()) == (b"HTTP/1.1 307 Temporary Redirect\r\n", b"", b"")


@pytest.mark.long
def test_a_client_that_trusts_the_authority_logs_in_and_calls_and_others_are_refused(tmp_path: Path) -> None:
    with up(tmp_path, "--https") as running:
        url = f"https://localhost:{running.resource_port}/mcp"
        ca_file = tmp_path / ".doorward" / "ca.pem"
        assert f"MCP URL         {url}" in running.output
        assert "doorward trust" in running.output
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx2.get(url, trust_env=False)
        context = ssl.create_default_context(cafile=ca_file)
        assert httpx2.get(url, verify=context, trust_env=False).status_code == 401
        plain = url.replace("https:", "http:")
        redirect = httpx2.get(plain, trust_env=False)
        assert (redirect.status_code, redirect.headers["Location"]) == (307, url)
        refused = httpx2.post(plain, json={}, trust_env=False)
        assert (refused.status_code, refused.text) == (400, f"This server speaks https: {url}\n")
        # A whole client: discovery, registration, login, token, and calls that need introspection.
        login = ("--login", "--username", "wesen", "--password-stdin", "--ca-file", str(ca_file))
        done = doorward("doctor", url, *login, cwd=tmp_path, stdin="secret\n")
        assert done.returncode == 0, done.stdout + done.stderr
        running.interrupt()
        assert running.ended() == 0
