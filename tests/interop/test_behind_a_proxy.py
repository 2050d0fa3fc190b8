"""Real clients and the compose stack, through nginx, with TLS and both services under paths of one host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from tests.certificates import Authority
from tests.cli.command import ROOT, environment
from tests.compose.stack import Stack
from tests.interop.browser import at_a_browser
from tests.interop.clients import CLIENTS
from tests.machine import require
from tests.proxies.proxy import nginx_command, serving
from tests.servers import free_port

pytestmark = pytest.mark.xdist_group("interop")


@pytest.fixture(scope="module")
def mcp_url(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[str]:
    """The MCP URL of a stack behind nginx; its issuer is another path of the same host."""
    for need in ("node", "nginx", "container engine"):
        require(need)
    directory, port = tmp_path_factory.mktemp("behind-nginx"), free_port()
    issuer, mcp_url = (f"https://localhost:{port}{path}" for path in ("/auth", "/tools/mcp"))
    with closing(docker.from_env()) as engine:
        stack = Stack(engine, directory, issuer=issuer, resource=mcp_url)
        stack.build()
        ports = stack.auth_port, stack.resource_port
        command = nginx_command("one-origin", directory, port, authority.certify("localhost"), ports)
        demo_user = stack.set_in("auth", "DOORWARD_DEMO_USER=true")
        with demo_user, stack.up(), serving(command, directory, port):
            yield mcp_url


@pytest.mark.requirement("AS-2", "AS-3", "RS-1")
@pytest.mark.parametrize("name", CLIENTS)
def test_a_real_client_connects_through_a_proxy_with_path_prefixes(
    name: str, mcp_url: str, authority: Authority, tmp_path: Path
) -> None:
    with at_a_browser(tmp_path / "browser", verify=authority.trusting()) as browser:
        with CLIENTS[name](mcp_url, tmp_path, browser, authority=authority.certificate) as first:
            identity = first.call("whoami")
            assert identity["username"] == "wesen"
            added = first.call("add_note", text="through a proxy")
            assert added in first.call("list_notes")["notes"]
        with CLIENTS[name](mcp_url, tmp_path, browser, authority=authority.certificate) as second:
            assert second.call("whoami") == identity
        browser.visits(1)
        assert browser.visited[0].startswith(mcp_url.replace("/tools/mcp", "/auth/authorize?"))


@pytest.mark.requirement("AS-2", "AS-3", "RS-1")
def test_the_python_sdk_connects_through_a_proxy_with_path_prefixes(
    mcp_url: str, authority: Authority
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.sdk_client", mcp_url],
        cwd=ROOT,
        env=environment(SSL_CERT_FILE=str(authority.certificate)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("revoked: calls are answered 401") == 2
