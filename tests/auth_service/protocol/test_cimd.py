"""Client ID Metadata Documents: which URLs and which documents are those of a client."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth_service.protocol.cimd import (
    MAX_DOCUMENT_BYTES,
    DocumentRules,
    check_client_id,
    names_document,
    read_document,
)
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidClientError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.redirect_uris import matches
from auth_service.protocol.registration_policy import RedirectHosts
from tests.refusals import because

pytestmark = pytest.mark.requirement("AS-8")

URL = "https://client.example/oauth/client.json"
CALLBACK = "https://client.example/callback"
RULES = DocumentRules(("authorization_code", "refresh_token"))
JWKS_URI = "https://client.example/jwks.json"


def read(*, loopback: bool = False, **members: Any) -> dict[str, Any]:
    document = {"client_id": URL, "redirect_uris": [CALLBACK], **members}
    return read_document(URL, document, replace(RULES, loopback=loopback))


def refusal(**members: Any) -> str:
    with pytest.raises(InvalidClientError) as caught:
        read(**members)
    return caught.value.description


@pytest.mark.parametrize(
    "client_id",
    [
        URL,
        "https://client.example/",
        "https://client.example:8443/client",
        "https://client.example:443/client",
        "https://client.example/client?id=1",
        "https://CLIENT.example/client",
        "https://xn--bcher-kva.example/client",
        "https://client.example/a..b/.c/d.",
    ],
)
def test_a_client_may_be_an_https_url_with_a_path(client_id: str) -> None:
    assert names_document(client_id)
    check_client_id(client_id)


@pytest.mark.parametrize(
    "client_id",
    [
        "https://client.example",
        "https://client.example?id=1",
        "http://client.example/client",
        "https://client.example/client#",
        "https://client.example/client#fragment",
        "https://user@client.example/client",
        "https://user:secret@client.example/client",
        "https://@client.example/client",
        "https://client.example/./client",
        "https://client.example/a/../client",
        "https://client.example/a/..",
        "https://client.example/%2e%2e/client",
        "https://client.example/a/.%2E/client",
        "https://client.example\\@other.example/client",
        "https://client.example:/client",
        "https://client.example:25/client",
        "https://client.example:0443/client",
        "https://client.example./client",
        "https://127.0.0.1/client",
        "https://localhost/client",
        "https://[::1]/client",
        "https://93.184.215.14/client",
        "https://2130706433/client",
        "https://bücher.example/client",
        "https://client.example/client\n",
        "https://client.example/cli ent",
        "https:///client",
        "https://client.example/" + "x" * 2_000,
    ],
)
def test_no_other_url_is_a_client(client_id: str) -> None:
    with pytest.raises(InvalidClientError, check=because(Reason.CLIENT_ID_URL_INVALID)):
        check_client_id(client_id)


@pytest.mark.parametrize("client_id", ["nZ0v1Xb9pL2yR4sTq6uWxA", "client", "ftp://client.example/x", ""])
def test_what_does_not_begin_like_a_web_address_is_not_a_document(client_id: str) -> None:
    assert not names_document(client_id)


@pytest.mark.parametrize(
    "client_id", ["http://localhost:8080/c", "http://127.0.0.1:8080/c", "https://[::1]:8443/c", URL]
)
def test_the_development_switch_lets_a_document_be_on_this_machine(client_id: str) -> None:
    check_client_id(client_id, loopback=True)


@pytest.mark.parametrize("client_id", ["http://client.example/c", "https://10.0.0.1/c", "http://[fe80::1]/c"])
def test_the_development_switch_lets_it_be_nowhere_else(client_id: str) -> None:
    with pytest.raises(InvalidClientError):
        check_client_id(client_id, loopback=True)


def test_documents_are_read_up_to_the_length_that_the_draft_names() -> None:
    assert MAX_DOCUMENT_BYTES == 5_120


def test_no_url_in_a_document_is_on_this_machine_unless_that_was_configured() -> None:
    local = {"client_id": URL, "redirect_uris": [CALLBACK], "logo_uri": "http://localhost:8080/logo.png"}
    assert "logo_uri" not in read_document(URL, local, DocumentRules(RULES.grant_types))
    assert "logo_uri" in read_document(URL, local, DocumentRules(RULES.grant_types, loopback=True))


def test_a_document_is_read_like_a_registration() -> None:
    assert read(
        client_name="A client", scope="notes:read", grant_types=["authorization_code", "telepathy"]
    ) == {
        "client_name": "A client",
        "redirect_uris": [CALLBACK],
        "scope": "notes:read",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }


def test_unknown_members_and_nulls_do_not_matter() -> None:
    members: dict[str, Any] = {
        "client_name": None,
        "logo_uri": "",
        "x": {"y": [1]},
        "software_statement": "x.y.z",
        "jwks": None,
    }
    assert read(**members) == read()


@pytest.mark.parametrize("document", [None, [], "text", 1, {}, {"redirect_uris": [CALLBACK]}])
def test_what_names_no_client_is_not_a_document(document: object) -> None:
    with pytest.raises(InvalidClientError):
        read_document(URL, document, RULES)


@pytest.mark.parametrize(
    "client_id",
    [
        URL + "/",
        URL + "?",
        URL.upper(),
        "https://CLIENT.example/oauth/client.json",
        "https://client.example:443/oauth/client.json",
        "https://client.example/oauth/%63lient.json",
        "https://other.example/client.json",
        [URL],
        None,
    ],
)
def test_the_client_id_inside_must_be_the_url_byte_for_byte(client_id: object) -> None:
    assert "its client_id is not its URL" in refusal(client_id=client_id)


@pytest.mark.parametrize("member", ["client_secret", "client_secret_expires_at"])
@pytest.mark.parametrize("value", ["x", 0, ""])
def test_a_document_with_a_secret_is_refused(member: str, value: object) -> None:
    assert "client secret" in refusal(**{member: value})


@pytest.mark.parametrize(
    "jwks",
    [{"keys": [{"kty": "RSA", "n": "x", "e": "AQAB", "d": "x"}]}, {"keys": [{"kty": "oct", "k": "x"}]}],
)
def test_a_document_with_a_private_key_is_refused(jwks: object) -> None:
    assert "only public keys" in refusal(jwks=jwks)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "client_secret_jwt"])
def test_a_shared_secret_is_refused_as_a_method(method: str) -> None:
    assert "shared secret" in refusal(token_endpoint_auth_method=method)
    assert "shared secret" in refusal(token_endpoint_auth_methods_supported=["none", method])


@pytest.mark.parametrize(
    ("declared", "listed", "chosen"),
    [
        (None, None, "none"),
        (None, [], "none"),
        ("none", None, "none"),
        ("private_key_jwt", None, "private_key_jwt"),
        # What ChatGPT publishes: it would rather sign, and is told that it must.
        ("private_key_jwt", ["none", "private_key_jwt"], "private_key_jwt"),
        ("none", ["none", "private_key_jwt"], "none"),
        (None, ["none"], "none"),
        (None, ["private_key_jwt"], "private_key_jwt"),
        (None, ["none", "private_key_jwt"], "private_key_jwt"),
        (None, ["tls_client_auth", "none"], "none"),
        ("tls_client_auth", ["tls_client_auth", "none"], "none"),
    ],
)
def test_the_method_is_the_one_declared_or_the_best_of_those_listed(
    declared: str | None, listed: list[str] | None, chosen: str
) -> None:
    metadata = read(
        jwks_uri=JWKS_URI,
        token_endpoint_auth_method=declared,
        token_endpoint_auth_methods_supported=listed,
    )
    assert metadata["token_endpoint_auth_method"] == chosen
    assert Client(client_id=URL, created_at=0, metadata=metadata).confidential is (
        chosen == "private_key_jwt"
    )


@pytest.mark.parametrize(
    ("declared", "listed"),
    [
        ("tls_client_auth", None),
        (None, ["tls_client_auth", "self_signed_tls_client_auth"]),
        ("none\n", None),
        (["none"], None),
        (None, "none"),
        (None, [["none"]]),
        (None, {"none": 1}),
    ],
)
def test_a_method_that_is_not_supported_is_refused(declared: object, listed: object) -> None:
    assert refusal(
        jwks_uri=JWKS_URI,
        token_endpoint_auth_method=declared,
        token_endpoint_auth_methods_supported=listed,
    )


@pytest.mark.parametrize(
    "jwks_uri", [None, "http://client.example/jwks", "https://10.0.0.1/jwks", "https://localhost/jwks"]
)
def test_a_client_that_signs_needs_keys_that_may_be_fetched(jwks_uri: str | None) -> None:
    assert "jwks" in refusal(token_endpoint_auth_method="private_key_jwt", jwks_uri=jwks_uri)


@pytest.mark.parametrize("member", ["client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri"])
@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/x",
        "https://[::1]/x",
        "https://localhost/x",
        "http://169.254.169.254/latest",
        "https://2130706433/x",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "file:///etc/passwd",
        7,
    ],
)
def test_a_url_inside_that_must_never_be_fetched_is_not_kept(member: str, url: Any) -> None:
    assert member not in read(**{member: url})


def test_a_url_inside_is_kept_as_it_is() -> None:
    assert read(logo_uri="https://client.example/logo.png")["logo_uri"] == "https://client.example/logo.png"
    assert (
        read(loopback=True, jwks_uri="http://localhost:8080/jwks")["jwks_uri"] == "http://localhost:8080/jwks"
    )


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://client.example/callback",
        "javascript:alert(1)",
        "https://client.example/callback#fragment",
        "https://user@client.example/callback",
        "https://*.client.example/callback",
    ],
)
def test_redirect_uris_are_held_to_the_rules_of_registration(redirect_uri: str) -> None:
    assert refusal(redirect_uris=[redirect_uri])


def test_redirect_hosts_are_held_to_the_lists_of_the_operator() -> None:
    denying = replace(RULES, redirect_hosts=RedirectHosts(denied=("*.example",)))
    document = {"client_id": URL, "redirect_uris": [CALLBACK]}
    with pytest.raises(InvalidClientError, match="does not allow redirects"):
        read_document(URL, document, denying)


@pytest.mark.parametrize("redirect_uris", [None, [], "https://client.example/callback", [1]])
def test_redirect_uris_must_be_there(redirect_uris: object) -> None:
    assert refusal(redirect_uris=redirect_uris)


@pytest.mark.requirement("AS-10")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_loopback_redirect_without_a_port_stands_for_every_port(host: str) -> None:
    """As in the document of Claude Code."""
    metadata = read(redirect_uris=["http://localhost/callback", "http://127.0.0.1/callback"])
    client = Client(client_id=URL, created_at=0, metadata=metadata)
    assert matches(f"http://{host}:53682/callback", client.redirect_uris)
    assert matches(f"http://{host}/callback", client.redirect_uris)
    assert not matches(f"http://{host}:53682/other", client.redirect_uris)
    assert not matches("http://[::1]:53682/callback", client.redirect_uris)


def test_a_document_may_be_in_several_languages() -> None:
    names: dict[str, Any] = {"client_name": "A client", "client_name#de": "Ein Client"}
    assert read(**names).items() >= names.items()


@pytest.mark.requirement("SEC-1", "AS-10")
@pytest.mark.parametrize(
    "uri", ["ms-officecmd:x", "shell:startup", "https://a.example\\@b.example/", "app://u@h"]
)
@pytest.mark.parametrize("member", ["redirect_uris", "post_logout_redirect_uris"])
def test_a_document_is_held_to_the_rules_of_registration_for_redirect_uris(member: str, uri: str) -> None:
    assert f"{member}: " in refusal(**{member: [CALLBACK, uri]})


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize("member", ["client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri"])
def test_a_url_in_a_document_that_two_readers_take_for_two_is_dropped(member: str) -> None:
    document: dict[str, Any] = {member: "https://evil.example\\@accounts.google.com/"}
    assert member not in read(**document)
