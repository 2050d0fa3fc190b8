"""A policy in front of somebody else's server: nothing runs there without every scope that it needs."""

from __future__ import annotations

import os
from pathlib import Path

import httpx2
import pytest

from tests.gateway.exchange import MESSAGE, results
from tests.gateway.ledger import POLICY, Ledger, answer_in, request
from tests.gateway.upstreams import PATIENCE
from tests.resource_service.authorization_server import AuthorizationServer, answer_json
from tests.resource_service.service import Service, bearer, call, modern_headers, running, token_for
from tests.resource_service.sessions import scopes_of, tricks
from tests.servers import wait_until

WELL_KNOWN = "/.well-known/oauth-protected-resource/mcp"
METADATA = "/.well-known/oauth-authorization-server"


@pytest.mark.requirement("RS-4")
@pytest.mark.parametrize(
    ("message", "needed", "does"),
    [
        (request("tools/call", name="list_notes", arguments={}), "notes:read", "list_notes"),
        (request("tools/call", name="add_note", arguments={"text": "x"}), "notes:write", "add_note"),
        (request("tools/call", name="wipe_notes", arguments={}), "notes:admin", "wipe_notes"),
        (request("prompts/get", name="summary"), "notes:read", "summary"),
        (request("prompts/get", name="confession"), "notes:admin", "confession"),
        (request("resources/read", uri="notes://all"), "notes:read", "notes://all"),
        (request("resources/read", uri="notes://one/7"), "notes:read", "notes://one"),
        (request("resources/read", uri="keys://all"), "notes:admin", "keys://all"),
    ],
)
def test_one_challenge_names_what_is_missing_and_then_it_runs(
    message: dict[str, object], needed: str, does: str, behind: Ledger
) -> None:
    before = behind.done
    with behind.client(behind.token("other")) as client:
        refused = client.post("/mcp", json=message)
    assert refused.status_code == 403
    assert scopes_of(refused) == {needed}
    assert behind.done == before
    for granted in {needed, "notes:admin"}:  # which includes the others
        with behind.client(behind.token(granted)) as client:
            response = client.post("/mcp", json=message)
        assert "result" in answer_in(response), response.text
        before.append(does)
        assert behind.done == before


@pytest.mark.requirement("RS-4", "SEC-11")
@pytest.mark.parametrize("trick", tricks())
def test_no_trick_with_the_message_runs_a_tool_behind_the_gateway(trick: str, behind: Ledger) -> None:
    before = behind.done
    token = behind.token("notes:read")
    with behind.client(token) as client:
        in_session = client.post("/mcp", content=tricks()[trick])
    with httpx2.Client(base_url=behind.service.origin, timeout=60, trust_env=False) as client:
        headers = bearer(token) | modern_headers("add_note")
        alone = client.post("/mcp", headers=headers, content=tricks()[trick])
        headers = bearer(token) | modern_headers("list_notes")
        claimed = client.post("/mcp", headers=headers, content=tricks()[trick])
    assert {response.status_code for response in (in_session, alone, claimed)} <= {400, 403}
    assert behind.done == before


LIST = request("tools/call", name="list_notes", arguments={})
ADD = request("tools/call", name="add_note", arguments={"text": "x"})


@pytest.mark.requirement("RS-4", "SEC-11")
@pytest.mark.parametrize(
    ("batch", "needed"),
    [
        ([LIST, ADD], {"notes:read", "notes:write"}),
        ([request("ping"), request("tools/call", name="unheard_of")], {"notes:admin"}),
        (
            [ADD, {"method": "tools/call", "params": ["wipe_notes"]}],
            {"notes:write", "notes:admin"},
        ),
        ([[ADD]], {"notes:admin"}),
        ([ADD | {"id": None}], {"notes:write"}),
        ([{"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "add_note"}}], {"notes:write"}),
        ([request("tools/call", name="add_note", arguments={}, task={"ttl": 1})], {"notes:write"}),
        ([request("vendor/unheard_of")], {"notes:admin"}),
    ],
)
def test_nothing_of_a_batch_reaches_the_upstream_if_any_of_it_may_not_run(
    batch: list[object],
    needed: set[str],
    ruled: Service,
    upstream: AuthorizationServer,
    issuer: AuthorizationServer,
) -> None:
    upstream.replies["*"] = results()
    with httpx2.Client(base_url=ruled.origin, timeout=60, trust_env=False) as client:
        headers = bearer(token_for(ruled, issuer, scope="notes:read")) | MESSAGE
        refused = client.post("/mcp", headers=headers, json=batch)
        assert (refused.status_code, scopes_of(refused)) == (403, needed)
        assert upstream.questions == []
        headers = bearer(token_for(ruled, issuer, scope="notes:admin")) | MESSAGE
        assert client.post("/mcp", headers=headers, json=batch).status_code == 200
        assert len(upstream.questions) == 1


@pytest.mark.requirement("RS-1", "RS-4")
def test_challenges_and_metadata_name_the_scopes_of_the_policy(behind: Ledger) -> None:
    with httpx2.Client(base_url=behind.service.origin, timeout=60, trust_env=False) as client:
        assert scopes_of(client.post("/mcp")) == {"notes:read", "notes:write", "notes:admin"}
        document = client.get(WELL_KNOWN).json()
    assert document["scopes_supported"] == ["notes:read", "notes:write", "notes:admin"]
    assert document["doorward_scopes"] == {
        "notes:read": {
            "description": "Read your notes",
            "tools": ["list_*"],
            "prompts": ["summary"],
            "resources": ["notes://*"],
        },
        "notes:write": {
            "description": "Add notes for you",
            "includes": ["notes:read"],
            "tools": ["add_note"],
        },
        "notes:admin": {
            "description": "Delete your notes",
            "includes": ["notes:write"],
            "everything_else": True,
        },
    }


@pytest.mark.requirement("RS-11")
def test_the_log_says_who_lacks_which_scope(behind: Ledger) -> None:
    with behind.client(behind.token("notes:read", sub="poor-user")) as client:
        refused = client.post("/mcp", json=call("wipe_notes"))
    lines = behind.service.log(refused.headers["x-request-id"])
    assert any("poor-user" in line["reason"] and "notes:admin" in line["reason"] for line in lines)


@pytest.mark.requirement("RS-4")
def test_each_mount_has_its_own_policy(
    issuer: AuthorizationServer, upstream: AuthorizationServer, tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    upstream.replies["*"] = results()
    mounts = f"""{{"/open": "{upstream.url}/mcp",
        "/ruled": {{"upstream": "{upstream.url}/mcp", "policy": "{tmp_path}/policy.yaml"}}}}"""
    with (
        running(issuer, tmp_path, mounts=mounts, **PATIENCE) as service,
        httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client,
    ):
        statuses = {}
        for mount in ("open", "ruled"):
            token = token_for(service, issuer, aud=f"{service.origin}/{mount}", scope="notes:read")
            response = client.post(f"/{mount}", headers=bearer(token) | MESSAGE, json=ADD)
            statuses[mount] = response.status_code
    assert statuses == {"open": 200, "ruled": 403}


CHANGED = POLICY.replace("add_note: notes:write", "add_note: notes:extra").replace(
    "scopes:\n", "scopes:\n  notes:extra: Something new\n"
)


def write_in_place(path: Path, text: str) -> None:
    path.write_text(text)


def replace_by_rename(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def swap_links(path: Path, text: str) -> None:
    """As Kubernetes does with a ConfigMap: the file is a link into a directory, which is itself a link."""
    number = len(list(path.parent.glob("..v*")))
    version = path.parent / f"..v{number}"
    version.mkdir()
    (version / path.name).write_text(text)
    (path.parent / "..new").symlink_to(version.name)
    os.replace(path.parent / "..new", path.parent / "..data")
    if not path.is_symlink():
        path.unlink(missing_ok=True)
        path.symlink_to(f"..data/{path.name}")


@pytest.mark.requirement("RS-4")
@pytest.mark.parametrize("write", [write_in_place, replace_by_rename, swap_links])
def test_a_policy_that_changes_is_in_force_without_a_restart_and_a_broken_one_is_not(
    write: object, issuer: AuthorizationServer, upstream: AuthorizationServer, tmp_path: Path
) -> None:
    assert callable(write)
    policy = tmp_path / "policy.yaml"
    write(policy, POLICY)
    upstream.replies["*"] = results()
    settings = {"upstream": f"{upstream.url}/mcp", "policy": str(policy), **PATIENCE}
    with (
        running(issuer, tmp_path, **settings) as service,
        httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client,
    ):
        headers = bearer(token_for(service, issuer, scope="notes:read")) | MESSAGE

        def needed() -> set[str]:
            return scopes_of(client.post("/mcp", headers=headers, json=call("add_note")))

        def refused_files() -> list[str]:
            return [
                line["reason"]
                for line in service.log_lines()
                if str(line["event"]).startswith("the policy file is invalid")
            ]

        assert needed() == {"notes:write"}
        write(policy, CHANGED)
        wait_until(lambda: needed() == {"notes:extra"})
        assert "notes:extra" in client.get(WELL_KNOWN).json()["scopes_supported"]
        assert "notes:extra" in scopes_of(client.post("/mcp"))
        write(policy, "scopes: {a: A}\ndefault: b\n")
        wait_until(lambda: bool(refused_files()))
        assert needed() == {"notes:extra"}
        write(policy, POLICY)
        wait_until(lambda: needed() == {"notes:write"})
        assert refused_files() == ["line 2: 'b' is not one of the scopes"]


@pytest.mark.requirement("AS-21")
def test_the_log_says_which_scopes_the_authorization_server_does_not_grant(
    issuer: AuthorizationServer, upstream: AuthorizationServer, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    document = {"issuer": issuer.url, "scopes_supported": ["openid", "notes:read", "notes:write"]}
    settings = {"upstream": f"{upstream.url}/mcp", "policy": str(policy), **PATIENCE}

    with running(issuer, tmp_path, **settings) as service:  # before the authorization server is there

        def missing() -> list[list[str]]:
            return [line["missing"] for line in service.log_lines() if "missing" in line]

        wait_until(lambda: bool(issuer.requests_to(METADATA)))
        assert missing() == []
        issuer.replies[METADATA] = answer_json(document)
        try:
            wait_until(lambda: missing() == [["notes:admin"]], timeout_s=60)
            replace_by_rename(policy, CHANGED)
            wait_until(lambda: missing() == [["notes:admin"], ["notes:admin", "notes:extra"]], timeout_s=60)
        finally:
            del issuer.replies[METADATA]
