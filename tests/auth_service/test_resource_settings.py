"""One resource by plain variables, or any number of them as JSON (OP-2)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auth_service.settings import AuthSettings
from shared.cli.resource_variables import JSON, variables_of
from shared.cli.settings import complaints_about_values
from shared.cli.variables import without_effect

pytestmark = pytest.mark.requirement("OP-2")

SECRET = "x" * 43
BASE = {
    "DOORWARD_ISSUER": "https://auth.example",
    "DOORWARD_STORE": "sqlite:///store.db",
    "DOORWARD_MASTER_KEYS": f"1:{'A' * 43}",
}
PLAIN = {**BASE, "DOORWARD_RESOURCE": "https://mcp.example/mcp", "DOORWARD_RESOURCE_SECRET": SECRET}
SCOPES = {"a:read": "Read, and search", "a:write": "Write = change"}
DESCRIBED = {"resource": "https://mcp.example/mcp", "name": "A", "scopes": SCOPES}
SERVER = {"id": "resource", "secret": SECRET, "resources": [DESCRIBED]}


def settings(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> AuthSettings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return AuthSettings()  # type: ignore[call-arg]  # from the environment


def test_the_url_and_the_secret_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    (server,) = settings(monkeypatch, PLAIN).resource_servers
    (resource,) = server.resources
    assert (server.id, server.secret.get_secret_value()) == ("resource", SECRET)
    assert (resource.resource, resource.name, resource.scopes) == (
        "https://mcp.example/mcp",
        "mcp.example",
        {},
    )


@pytest.mark.parametrize("internal", [{}, {"metadata_url": "http://resource:9001/metadata"}])
def test_plain_variables_and_json_say_the_same(
    monkeypatch: pytest.MonkeyPatch, internal: dict[str, str]
) -> None:
    server = {**SERVER, "resources": [{**DESCRIBED, **internal}]}
    plain = variables_of([server])
    assert JSON not in plain
    with monkeypatch.context() as inner:
        by_plain = settings(inner, {**BASE, **plain}).resource_servers
    assert by_plain == settings(monkeypatch, {**BASE, JSON: json.dumps([server])}).resource_servers


@pytest.mark.parametrize(
    "servers",
    [
        [SERVER, {**SERVER, "id": "other"}],
        [{**SERVER, "id": "other"}],
        [{**SERVER, "resources": [DESCRIBED, DESCRIBED]}],
        [{**SERVER, "resources": [{**DESCRIBED, "default_scopes": ["a:read"]}]}],
        [{**SERVER, "resources": [{**DESCRIBED, "access_token_format": "jwt"}]}],
        [{**SERVER, "resources": [{**DESCRIBED, "scopes": {"a": "Read; write"}}]}],
        [{**SERVER, "resources": [{**DESCRIBED, "scopes": {"a=b": "Read"}}]}],
    ],
)
def test_what_plain_variables_cannot_say_is_json(servers: list[dict[str, object]]) -> None:
    assert variables_of(servers).keys() == {JSON}


MOUNTS: list[dict[str, Any]] = [
    {"resource": "https://mcp.example/github", "name": "GitHub", "scopes": {"read": "Read issues"}},
    {"resource": "https://mcp.example/files", "name": "Files"},
]
URLS = [mount["resource"] for mount in MOUNTS]


def joining(joins: object, **members: object) -> str:
    joined = {"resource": "https://mcp.example/mcp", "name": "All", "joins": joins, **members}
    return json.dumps([{**SERVER, "resources": [joined, *MOUNTS]}])


@pytest.mark.requirement("GW-3")
@pytest.mark.parametrize("joins", [URLS, dict(zip(("github", "files"), URLS, strict=True))])
def test_the_scopes_of_joined_mounts_follow_from_theirs(
    monkeypatch: pytest.MonkeyPatch, joins: object
) -> None:
    joined, *_ = settings(monkeypatch, {**BASE, JSON: joining(joins, default_scopes=["github"])}).resources
    assert joined.joins == {"github": URLS[0], "files": URLS[1]}
    assert joined.scopes == {
        "github": "Use GitHub",
        "github:read": "Read issues",
        "files": "Use Files",
    }
    assert joined.granted_by_default == ("github",)


@pytest.mark.requirement("GW-3")
@pytest.mark.parametrize(
    ("joins", "members", "complaint"),
    [
        (
            [*URLS, f"{URLS[0]}s"],
            {},
            "githubs is https://mcp.example/githubs, which is not another configured",
        ),
        ([*URLS, "https://other.example/files"], {}, "two of the mounts have the same name"),
        ({"github": URLS[0], "GitHub": URLS[1]}, {}, "joins: the mounts /github and /GitHub cannot both"),
        ({"Doorward": URLS[0]}, {}, "joins: the mount /Doorward cannot be joined: its name is reserved"),
        ({"a": URLS[0], "b": f"{URLS[0]}/"}, {}, "two mounts of https://mcp.example/mcp have the same URL"),
        ({"git_hub": URLS[0]}, {}, "String should match pattern"),
        (URLS, {"default_scopes": ["gitlab"]}, "default_scopes names ['gitlab'], which scopes does not list"),
        (URLS, {"scopes": {"github": "Use it"}}, "differ in ['files']"),
    ],
)
def test_mistakes_in_what_is_joined_are_named(
    joins: object, members: dict[str, object], complaint: str
) -> None:
    sentences = complaints_about_values({**BASE, JSON: joining(joins, **members)}, AuthSettings)
    assert len(sentences) == 1
    assert complaint in sentences[0]


def test_json_replaces_the_plain_variables_which_then_have_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    other = {**SERVER, "resources": [{**DESCRIBED, "resource": "https://other.example/mcp"}]}
    both = {**PLAIN, JSON: json.dumps([other])}
    (resource,) = settings(monkeypatch, both).resources
    assert resource.resource == "https://other.example/mcp"
    assert without_effect("auth_service", both) == ["DOORWARD_RESOURCE", "DOORWARD_RESOURCE_SECRET"]
    assert without_effect("auth_service", PLAIN) == []


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        (BASE, "DOORWARD_RESOURCE: set it to the URL that people paste, as in the resource service"),
        (
            {**BASE, "DOORWARD_RESOURCE": "https://mcp.example/mcp"},
            "DOORWARD_RESOURCE_SECRET: set it to the same value as in the resource service",
        ),
        (
            {**PLAIN, "DOORWARD_RESOURCE_SECRET": "short"},
            "DOORWARD_RESOURCE_SECRET: it must have at least 32 characters; `doorward init` draws one",
        ),
        (
            {**PLAIN, "DOORWARD_RESOURCE": "http://mcp.example/mcp"},
            "the URL must be https; plain http is allowed only for localhost",
        ),
        (
            {**PLAIN, "DOORWARD_RESOURCE_SCOPES": "notes:read"},
            "DOORWARD_RESOURCE_SCOPES: 'notes:read' needs a description for the consent page",
        ),
        ({**PLAIN, "DOORWARD_RESOURCE_SCOPES": "a=A; a=B"}, "DOORWARD_RESOURCE_SCOPES: 'a' is there twice"),
        (
            {**PLAIN, "DOORWARD_RESOURCE_SCOPES": "openid=Log in"},
            "DOORWARD_RESOURCE_SCOPES: 'openid' cannot be a scope of a resource",
        ),
    ],
)
def test_one_sentence_names_the_variable(environment: dict[str, str], complaint: str) -> None:
    (sentence,) = complaints_about_values(environment, AuthSettings)
    assert complaint in sentence
