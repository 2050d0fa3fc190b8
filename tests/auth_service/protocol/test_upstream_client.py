"""This server as a client at the authorization server of an upstream: our document, and a registration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth_service.protocol.cimd import DocumentRules, check_client_id, read_document
from auth_service.protocol.registration import USER_GRANTS
from auth_service.protocol.upstream_client import (
    UnusableRegistrationError,
    UpstreamClient,
    client_document,
    client_of,
    document_client,
    registered_method,
)
from auth_service.protocol.upstream_metadata import ServerMetadata

pytestmark = pytest.mark.requirement("GW-1", "AS-8")

OURS = "https://auth.example"
SERVER = ServerMetadata(
    issuer="https://id.example",
    authorization_endpoint="https://id.example/authorize",
    token_endpoint="https://id.example/token",
    accepts_documents=True,
    sends_iss=True,
)


def test_our_document_is_one_that_this_server_would_accept_of_others() -> None:
    document = client_document(OURS, "Doorward")
    check_client_id(document["client_id"])
    metadata = read_document(document["client_id"], document, DocumentRules(USER_GRANTS))
    assert metadata["redirect_uris"] == [f"{OURS}/connect/callback"]
    assert metadata["token_endpoint_auth_method"] == "none"


@pytest.mark.parametrize(
    ("accepts", "methods", "is_used"),
    [
        (True, ("none", "client_secret_basic"), True),
        (True, ("client_secret_basic",), True),  # the default, if nothing is announced
        (True, ("client_secret_basic", "private_key_jwt"), False),
        (False, ("none",), False),
    ],
)
def test_our_document_is_used_where_a_client_needs_no_secret(
    accepts: bool, methods: tuple[str, ...], is_used: bool
) -> None:
    server = replace(SERVER, accepts_documents=accepts, auth_methods=methods)
    assert (document_client(server, OURS) is not None) is is_used


@pytest.mark.parametrize(
    ("methods", "method"),
    [
        (("none", "client_secret_post", "client_secret_basic"), "client_secret_basic"),
        (("none", "client_secret_post"), "client_secret_post"),
        (("private_key_jwt", "none"), "none"),
        (("private_key_jwt",), None),
    ],
)
def test_a_registered_client_has_a_secret_if_the_server_supports_it(
    methods: tuple[str, ...], method: str | None
) -> None:
    assert registered_method(replace(SERVER, auth_methods=methods)) == method


def test_without_iss_no_client_is_without_a_secret() -> None:
    mixing = replace(SERVER, sends_iss=False, auth_methods=("none", "client_secret_basic"))
    assert document_client(mixing, OURS) is None
    assert registered_method(mixing) == "client_secret_basic"
    assert registered_method(replace(mixing, auth_methods=("none",))) is None
    response = {"client_id": "c", "token_endpoint_auth_method": "none"}
    with pytest.raises(UnusableRegistrationError, match="secret"):
        client_of(response, "client_secret_basic", 1_000, may_be_public=False)


@pytest.mark.parametrize(
    ("response", "client"),
    [
        ({"client_secret": "s"}, UpstreamClient(client_id="c", client_secret="s")),
        (
            {"client_secret": "s", "client_secret_expires_at": 2_000},
            UpstreamClient(client_id="c", client_secret="s", expires_at=2_000),
        ),
        (
            {
                "client_secret": "s",
                "client_secret_expires_at": 0,
                "token_endpoint_auth_method": "client_secret_post",
            },
            UpstreamClient(client_id="c", client_secret="s", basic=False),
        ),
        ({"client_secret": "s", "token_endpoint_auth_method": "none"}, UpstreamClient(client_id="c")),
    ],
)
def test_the_server_decides_how_the_client_authenticates(
    response: dict[str, Any], client: UpstreamClient
) -> None:
    assert (
        client_of({"client_id": "c", **response}, "client_secret_basic", 1_000, may_be_public=True) == client
    )


@pytest.mark.parametrize(
    "response",
    [
        *(None, [], "text"),
        *(
            {"client_id": client_id, "client_secret": "s"}
            for client_id in (None, 1, "", "x" * 501, "a\nb", "é")
        ),
        *({"client_id": "c", "client_secret": secret} for secret in (None, 1, "", "x" * 1_001, "a\tb")),
        {"client_id": "c", "client_secret": "s", "client_secret_expires_at": 1_000},
        {"client_id": "c", "client_secret": "s", "token_endpoint_auth_method": "private_key_jwt"},
        {"client_id": "c", "client_secret": "s", "token_endpoint_auth_method": ["none"]},
    ],
)
def test_a_response_without_a_usable_client_is_refused(response: object) -> None:
    with pytest.raises(UnusableRegistrationError):
        client_of(response, "client_secret_basic", 1_000, may_be_public=True)
