"""The consent page of a joined resource has a section for each mount (GW-3)."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from tests.auth_service.access.joined import SERVERS
from tests.auth_service.service import running
from tests.flow import Pkce

pytestmark = [pytest.mark.requirement("GW-3", "AS-9")]
SCOPE = "notes:read openid files files:read notes"


def sections(page: str) -> list[tuple[str, list[str]]]:
    """The headings of the sections, with the scopes in each."""
    return [
        (
            unescape(re.sub(r"<[^>]+>", "", part[0])),
            re.findall(r'<input type="checkbox" name="scope[^"]*" value="([^"]+)"', part[1]),
        )
        for part in re.findall(r"<legend>(.*?)</legend>(.*?)</fieldset>", page, re.DOTALL)
    ]


def test_scopes_are_in_sections_by_mount_and_unticking_one_mount_leaves_the_others(tmp_path: Path) -> None:
    with running(f"sqlite:///{tmp_path}/store.db", resource_servers=SERVERS) as server:
        server.person.log_in(server.person.open(f"{server.origin}/account"))
        client, pkce = server.register(), Pkce()
        resource = "https://mcp.example/all"
        url = client.authorization_url(pkce, resource=resource, scope=SCOPE)
        assert sections(server.person.open(url).text) == [
            ("It will be able to", ["openid"]),
            ("At Notes, it will be able to", ["notes:read", "notes"]),
            ("At Files, it will be able to", ["files", "files:read"]),
        ]
        answer = server.person.authorize(url, untick=("files", "files:read"))
        tokens = client.redeem(answer["code"], pkce, resource=resource).json()
        assert server.introspect(tokens["access_token"])["scope"] == "notes:read openid notes"
