"""`doorward up` behind a tunnel, for which a proxy with TLS on loopback stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.cli.command import doorward, up
from tests.flow import Client
from tests.machine import require
from tests.proxies.proxy import caddy_command, serving
from tests.proxies.site import HOSTS, Site
from tests.servers import free_port

pytestmark = [pytest.mark.xdist_group("proxies"), pytest.mark.long, pytest.mark.requirement("OP-6")]

PASSWORD = "seven moss harbours"


def test_clients_connect_by_the_public_names_and_there_is_no_demo_user(
    tmp_path: Path, authority: Authority
) -> None:
    require("caddy")
    port = free_port()
    issuer, mcp_url = f"https://auth.example.com:{port}", f"https://mcp.example.com:{port}/mcp"
    directory = tmp_path / "proxy"
    directory.mkdir()
    with up(tmp_path, "--issuer", issuer, "--resource", mcp_url) as running:
        ports = running.auth_port, running.resource_port
        command = caddy_command("two-origins", directory, port, authority.certify(*HOSTS), ports)
        assert f"MCP URL         {mcp_url}" in running.output
        assert "Login " not in running.output
        assert "Set up " in running.output
        added = doorward("users", "add", "ada", "--admin", cwd=tmp_path, stdin=f"{PASSWORD}\n")
        assert added.returncode == 0, added.stderr
        with serving(command, directory, port):
            site = Site(issuer, mcp_url, authority.trusting(), port)
            stranger, ada = site.person(), site.person()
            assert stranger.log_in(stranger.open(f"{issuer}/login")).status_code == 401
            ada.username, ada.password = "ada", PASSWORD
            with site.client() as http:
                tokens = Client.register(issuer, http).connect(ada, resource=mcp_url)
                headers = {"Authorization": f"Bearer {tokens['access_token']}"}
                hello = f"{mcp_url.removesuffix('/mcp')}/hello"
                assert http.get(hello, headers=headers).status_code == 200
                assert http.get(hello, headers={"Authorization": "Bearer x"}).status_code == 401
            stranger.close()
            ada.close()
