"""Typical mistakes of a newcomer: each is answered with one sentence that says what to do (OP-6)."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx2
import pytest

from shared.cli.certificates import certificates_in
from tests.cli.command import ROOT, Up, doorward, up
from tests.servers import RedisServer

pytestmark = [pytest.mark.long, pytest.mark.requirement("OP-6")]

SECRET = "x" * 43
RESOURCE = {
    "DOORWARD_ISSUER": "http://localhost:9000",
    "DOORWARD_RESOURCE": "http://localhost:9001/mcp",
    "DOORWARD_RESOURCE_SECRET": SECRET,
}
SERVER = {
    "id": "resource",
    "secret": SECRET,
    "resources": [{"resource": "http://localhost:9001/mcp", "name": "MCP"}],
}
AUTH = {
    "DOORWARD_ISSUER": "http://localhost:9000",
    "DOORWARD_MASTER_KEYS": f"1:{'A' * 43}",
    "DOORWARD_STORE": "sqlite:///store.db",
    "DOORWARD_RESOURCE_SERVERS": json.dumps([SERVER]),
}
PUBLIC_HTTP = ["up", "--issuer", "http://auth.example", "--resource", "https://mcp.example/mcp"]
SHORT = [{**SERVER, "secret": "short"}]

MISTAKES: dict[str, tuple[list[str], dict[str, str], str]] = {
    "a public URL with http": (
        PUBLIC_HTTP,
        {},
        "the URL must be https; plain http is allowed only for localhost",
    ),
    "a value in quotation marks": (
        ["config", "check", "auth"],
        {**AUTH, "DOORWARD_STORE": '"sqlite:///store.db"'},
        "DOORWARD_STORE: the quotation marks are a part of the value; remove them",
    ),
    "JSON in quotation marks": (
        ["config", "check", "auth"],
        {**AUTH, "DOORWARD_RESOURCE_SERVERS": f"'{AUTH['DOORWARD_RESOURCE_SERVERS']}'"},
        "DOORWARD_RESOURCE_SERVERS: the quotation marks are a part of the value; remove them",
    ),
    "a secret that is too short": (
        ["config", "check", "resource"],
        {**RESOURCE, "DOORWARD_RESOURCE_SECRET": "short"},
        "DOORWARD_RESOURCE_SECRET: it must have at least 32 characters; `doorward init` draws one",
    ),
    "the same secret in JSON": (
        ["config", "check", "auth"],
        {**AUTH, "DOORWARD_RESOURCE_SERVERS": json.dumps(SHORT)},
        "DOORWARD_RESOURCE_SERVERS[0][secret]: it must have at least 32 characters; `doorward init` draws",
    ),
    "a misspelled setting": (
        ["config", "check", "resource"],
        {**RESOURCE, "DOORWARD_RESOURC_NAME": "Notes"},
        "there is no such setting; did you mean DOORWARD_RESOURCE_NAME?",
    ),
    "a missing master key": (
        ["config", "check", "auth"],
        {name: value for name, value in AUTH.items() if name != "DOORWARD_MASTER_KEYS"},
        "DOORWARD_MASTER_KEYS: it is not set; `doorward init` writes a file with all that is required",
    ),
    "a setting without a value": (
        ["config", "check", "resource"],
        {**RESOURCE, "DOORWARD_ISSUER": ""},
        "DOORWARD_ISSUER: it is empty; remove it for the default, if it has one, or set a value",
    ),
    "the http URL behind a proxy with https": (
        ["config", "check", "auth"],
        {**AUTH, "DOORWARD_ISSUER": "http://auth.example"},
        "for localhost; behind a proxy that ends TLS, set the https URL that clients use",
    ),
    "a URL without https://": (
        ["config", "check", "resource"],
        {**RESOURCE, "DOORWARD_RESOURCE": "mcp.example/mcp"},
        "DOORWARD_RESOURCE: a URI must have a scheme; it begins with https://",
    ),
    "the name of a proxy instead of its network": (
        ["config", "check", "auth"],
        {**AUTH, "DOORWARD_TRUSTED_PROXIES": "nginx"},
        "DOORWARD_TRUSTED_PROXIES[0]: each entry must be an IP address or a network such as 10.0.0.0/8",
    ),
    "a store without its scheme": (
        ["config", "check", "auth"],
        {**AUTH, "DOORWARD_STORE": "localhost:6379"},
        "DOORWARD_STORE: it must be sqlite:///PATH, redis://HOST:PORT, or rediss, redis+sentinel or",
    ),
    "the gateway as its own upstream": (
        ["config", "check", "resource"],
        {**RESOURCE, "DOORWARD_UPSTREAM": "http://localhost:9001/mcp/"},
        "DOORWARD_UPSTREAM and DOORWARD_RESOURCE are the same URL; name the MCP server to protect",
    ),
    "a policy that does not exist": (
        ["config", "check", "resource"],
        {**RESOURCE, "DOORWARD_POLICY": "policy.yml"},
        "DOORWARD_POLICY: policy.yml: the file cannot be read: No such file or directory",
    ),
    "a port with letters": (
        ["auth", "--port", "90OO"],
        AUTH,
        "Invalid value for '--port'",
    ),
    "a command that is not installed": (
        ["resource", "--stdio", "no-such-command"],
        RESOURCE,
        "the command 'no-such-command' does not exist",
    ),
    "an MCP server that is not running": (
        ["policy", "draft", "http://127.0.0.1:1/mcp"],
        {},
        "check that it is running, and its path: for most servers the URL ends in /mcp",
    ),
    "a store that is not running": (
        ["auth"],
        {**AUTH, "DOORWARD_STORE": "redis://localhost:1"},
        "DOORWARD_STORE: the store does not respond: Redis (single) at localhost:1: ",
    ),
    "nothing to doctor": (
        ["doctor", "http://localhost:1/mcp"],
        {},
        "Start the MCP server, and check the host name, the port and the firewall.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_answered_with_one_sentence(tmp_path: Path, mistake: str) -> None:
    arguments, settings, sentence = MISTAKES[mistake]
    done = doorward(*arguments, cwd=tmp_path, **settings)
    output = done.stdout + done.stderr
    assert done.returncode in (1, 2)
    assert sentence in output
    assert "Traceback" not in output
    if done.returncode == 2:
        assert len(output.strip().splitlines()) == 1, output


def test_a_port_in_use_is_named_with_the_option(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = doorward("up", "--auth-port", str(listener.getsockname()[1]), cwd=tmp_path)
    assert "is used by another program; stop it, or choose another port with --auth-port" in done.stderr


def test_a_wrong_password_to_redis_is_named(tmp_path: Path, redis_server: RedisServer) -> None:
    redis_server.command("ACL", "SETUSER", "doorward", "on", ">right", "~*", "&*", "+@all")
    try:
        url = redis_server.url.replace("://", "://doorward:wrong@")
        done = doorward("up", "--redis", url, cwd=tmp_path)
    finally:
        redis_server.command("ACL", "DELUSER", "doorward")
    assert done.returncode == 2
    assert "; check the password in the URL" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_an_old_python_is_named_with_what_to_install(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (tmp_path / "cat").symlink_to("/bin/cat")
    done = subprocess.run(
        ["/bin/sh", ROOT / "scripts" / "find-python"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Doorward needs Python 3.11 or newer" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with up(tmp_path_factory.mktemp("mistakes")) as running:
        yield running


def test_mistakes_with_a_url_are_answered_by_the_service(running: Up, tmp_path: Path) -> None:
    root = f"http://localhost:{running.resource_port}"
    wrong_path = doorward("doctor", f"{root}/wrong", cwd=tmp_path)
    assert wrong_path.returncode == 1
    assert "404" in wrong_path.stdout
    with httpx2.Client(trust_env=False) as http:
        page = http.get(f"{root}/", headers={"Accept": "text/html"})
        assert f"{root}/mcp" in page.text
        in_url = http.post(f"{root}/mcp?access_token=dw_at_x", json={})
        assert "The access token belongs in the Authorization header, not in the URL." in in_url.text


def test_a_certificate_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    files = certificates_in(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            done = doorward("doctor", f"https://localhost:{server.server_port}/mcp", cwd=tmp_path)
        finally:
            server.shutdown()
            thread.join()
    assert done.returncode == 1
    assert "For `doorward up --https`, see `doorward trust`" in done.stdout
