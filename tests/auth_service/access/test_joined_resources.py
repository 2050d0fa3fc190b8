"""At a resource that joins mounts, the access rules of each mount apply, too (GW-3, ID-3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auth_service.settings import AuthSettings
from tests.auth_service.access.joined import FILES, JOINED, NOTES, RESOURCES, SERVERS
from tests.auth_service.access.rules import set_rules
from tests.auth_service.service import RESOURCE_SECRET, running

pytestmark = pytest.mark.requirement("GW-3", "ID-3")


def test_a_person_gets_at_a_joined_resource_only_what_the_rules_for_the_mounts_allow(tmp_path: Path) -> None:
    with running(f"sqlite:///{tmp_path}/store.db", resource_servers=SERVERS) as server:
        set_rules(server, {"people": {"wesen": {JOINED: "*", NOTES: "*"}}})
        client = server.register()
        tokens = client.connect(server.person, resource=JOINED, scope="notes notes:read files files:read")
        assert server.introspect(tokens["access_token"])["scope"] == "notes notes:read"
        set_rules(server, {"people": {"wesen": {JOINED: "*", FILES: "*"}}})
        assert server.introspect(tokens["access_token"]) == {"active": False}


@pytest.mark.parametrize(
    ("joins", "error"),
    [
        ({"notes": "https://mcp.example/note", "files": FILES}, "notes is https://mcp.example/note"),
        ({"notes": JOINED, "files": FILES}, "not another configured resource"),
        ({"note": NOTES, "files": FILES}, r"differ in \['note', 'notes'\]"),
        ({"files": FILES}, r"differ in \['notes'\]"),
    ],
)
def test_joined_mounts_are_other_resources_and_those_of_the_scopes(
    joins: dict[str, str], error: str, tmp_path: Path
) -> None:
    resources = [{**RESOURCES[0], "joins": joins}, *RESOURCES[1:]]
    servers = [{"id": "resource", "secret": RESOURCE_SECRET, "resources": resources}]
    settings: dict[str, Any] = {
        "issuer": "https://auth.example",
        "store": f"sqlite:///{tmp_path}/store.db",
        "master_keys": f"1:{'A' * 43}",
        "resource_servers": servers,
    }
    with pytest.raises(ValueError, match=error):
        AuthSettings(**settings)
