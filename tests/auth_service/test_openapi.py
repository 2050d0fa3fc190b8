"""The OpenAPI document that the docs page shows: everything that is served, in words, with examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.routing import Route

from auth_service.main import create_app
from auth_service.openapi import DescribedApp, registration_example
from auth_service.protocol.registration import ClientMetadata
from auth_service.resource_settings import Resource, ResourceServer
from auth_service.settings import AuthSettings, MasterKey
from shared.storage import open_store
from tests.auth_service.service import MASTER_KEY

OWN_PATHS = {"/openapi.json", "/docs", "/docs/oauth2-redirect"}


def settings_for(resource: str) -> AuthSettings:
    return AuthSettings(
        issuer="https://login.example/auth",
        store="sqlite:///unused",
        master_keys=(MasterKey(key_id=1, key=SecretStr(MASTER_KEY)),),
        resource_servers=(
            ResourceServer(
                id="resource",
                secret=SecretStr("s" * 32),
                resources=(Resource(resource=resource, name="Notes", scopes={"notes:read": "Read notes"}),),
            ),
        ),
    )


@pytest.fixture
async def app(tmp_path: Path, anyio_backend: str) -> DescribedApp:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    app = create_app(settings_for("https://host.example/tools/mcp"), store)
    await store.aclose()
    assert isinstance(app, DescribedApp)
    return app


Operations = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def operations(app: DescribedApp) -> Operations:
    """Method and path to operation."""
    return {(method, path): item[method] for path, item in app.openapi()["paths"].items() for method in item}


def json_bodies(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The description of every JSON body that an operation takes or gives."""
    for body in (operation.get("requestBody", {}), *operation["responses"].values()):
        if "application/json" in body.get("content", {}):
            yield body["content"]["application/json"]


def test_everything_that_is_served_is_described(app: DescribedApp, operations: Operations) -> None:
    served = {
        (method.lower(), route.path)
        for route in app.routes
        # Those with a slash at the end lead to the pages without one.
        if isinstance(route, Route) and route.path.rstrip("/") not in (*OWN_PATHS, route.path[:-1])
        for method in (route.methods or set()) - {"HEAD"}
    }
    # These take by POST what they take by GET.
    assert served - operations.keys() <= {("post", "/authorize"), ("post", "/logout")}
    assert operations.keys() <= served


def test_every_operation_has_words_and_a_place_in_the_list(app: DescribedApp, operations: Operations) -> None:
    tags = {tag["name"] for tag in app.openapi()["tags"]}
    for key, operation in operations.items():
        assert operation["summary"], key
        assert set(operation["tags"]) <= tags, key
        for response in operation["responses"].values():
            assert response["description"], key


def test_every_parameter_and_form_field_is_described(operations: Operations) -> None:
    for key, operation in operations.items():
        for parameter in operation.get("parameters", []):
            assert parameter["schema"]["description"], (key, parameter["name"])
        form = operation.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded")
        for name, field in form["schema"]["properties"].items() if form else ():
            assert field["description"], (key, name)


def test_every_json_body_has_an_example(operations: Operations) -> None:
    for key, operation in operations.items():
        for body in json_bodies(operation):
            assert body["example"], key


def test_the_members_of_every_answer_are_described(operations: Operations) -> None:
    for (method, path), operation in operations.items():
        # The metadata is described where its RFCs describe it.
        bodies = [] if path.startswith("/.well-known/") else json_bodies(operation)
        for body in bodies:
            for name, member in body["schema"]["properties"].items():
                assert member.get("description"), (method, path, name)


def test_what_may_be_refused_says_how(operations: Operations) -> None:
    for path in ("/register", "/token", "/introspect", "/revoke"):
        responses = operations["post", path]["responses"]
        assert {"503"} < responses.keys()
        refusals = [body for status, body in responses.items() if status >= "400"]
        assert len(refusals) > 1
        for refusal in refusals:
            assert {"error", "error_description"} <= refusal["content"]["application/json"]["example"].keys()


@pytest.mark.requirement("AS-5")
@pytest.mark.parametrize("resource", ["https://host.example/tools/mcp", "https://host.example/tools/mcp/"])
def test_the_example_registers_a_client_for_the_docs_pages_of_both_services(resource: str) -> None:
    example = registration_example(settings_for(resource))
    assert example["redirect_uris"][1:] == [
        "https://login.example/auth/docs/oauth2-redirect",
        "https://host.example/tools/docs/oauth2-redirect",
    ]
    assert ClientMetadata.model_validate(example).registered(("authorization_code", "refresh_token"))


@pytest.mark.requirement("AS-3")
def test_the_urls_in_it_are_those_of_the_issuer(app: DescribedApp) -> None:
    document = app.openapi()
    assert document["servers"] == [{"url": "https://login.example/auth"}]
    flow = document["components"]["securitySchemes"]["oauth"]["flows"]["authorizationCode"]
    assert flow["authorizationUrl"] == "https://login.example/auth/authorize"
    assert flow["tokenUrl"] == flow["refreshUrl"] == "https://login.example/auth/token"
