"""The settings of upstreams, and the values that stop the start."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pydantic import ValidationError

from resource_service.settings import ResourceSettings
from resource_service.targets import HttpTarget, StdioTarget

USUAL = {
    "resource": "https://mcp.example/mcp",
    "issuer": "https://login.example",
    "resource_secret": "s" * 32,
}
Read = Callable[..., ResourceSettings]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    def read(**settings: str) -> ResourceSettings:
        for name, value in {**USUAL, **settings}.items():
            monkeypatch.setenv(f"DOORWARD_{name.upper()}", value)
        return ResourceSettings()  # type: ignore[call-arg]

    return read


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes = b"") -> str:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


@pytest.mark.parametrize(
    ("upstream", "target"),
    [
        ("http://127.0.0.1:3000/mcp", HttpTarget("http://127.0.0.1:3000/mcp")),
        ("https://mcp.internal", HttpTarget("https://mcp.internal/")),
        ("http://[::1]:3000/mcp?key=1", HttpTarget("http://[::1]:3000/mcp?key=1")),
        ("stdio:npx -y server", StdioTarget(("npx", "-y", "server"))),
        ("stdio:'my server' --name \"a b\"", StdioTarget(("my server", "--name", "a b"))),
    ],
)
def test_an_upstream_is_an_address_or_a_command(
    upstream: str, target: HttpTarget | StdioTarget, read: Read
) -> None:
    assert read(upstream=upstream).target == target


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("upstream", "127.0.0.1:3000"),
        ("upstream", "ftp://files.example"),
        ("upstream", "http:///mcp"),
        ("upstream", "http://user:xyzzy@mcp.internal/mcp"),
        ("upstream", "http://mcp.internal/mcp#x"),
        ("upstream", "http://mcp.internal/m cp"),
        ("upstream", "stdio:"),
        ("upstream", "stdio:  "),
        ("upstream", "stdio:server 'xyzzy"),
        ("upstream_authorization", "Bearer xyzzy\r\nX-Other: 1"),
        ("upstream_authorization", ""),
        ("upstream_authorization", " xyzzy"),
        ("mounts", "xyzzy"),
        ("mounts", '["/one"]'),
        ("mounts", '{"one": "http://a/mcp"}'),
        ("mounts", '{"/one/two": "http://a/mcp"}'),
        ("mounts", '{"/..": "http://a/mcp"}'),
        ("mounts", '{"/.well-known": "http://a/mcp"}'),
        ("mounts", '{"/one": "xyzzy"}'),
        ("mounts", '{"/one": {"upstream": "stdio:xyzzy", "connected_account": true}}'),
        (
            "mounts",
            '{"/one": {"upstream": "http://a/mcp", "connected_account": true, "authorization": "xyzzy"}}',
        ),
        ("upstream_connected_account", "true"),
        ("upstream_api_key_header", "X-Doorward-Xyzzy"),
        ("upstream_api_key_header", "Cookie"),
        ("upstream_api_key_header", "Mcp-Xyzzy"),
        ("upstream_api_key_header", "X-Xyzzy\r\nX-Other"),
        ("upstream_api_key_prefix", "xyzzy\r\n"),
        ("upstream_api_key_prefix", "xyzzy" * 9),
        ("mounts", '{"/one": {"upstream": "http://a/mcp", "api_key_header": "xyzzy x"}}'),
        ("mounts", '{"/one": {"upstream": "http://a", "other": "xyzzy"}}'),
        ("mounts", '{"/hello": "http://a/mcp"}'),
        ("mounts", '{"/docs": "http://a/mcp"}'),
        ("identity_key", "xyzzy"),
        ("identity_key", pem(ec.generate_private_key(ec.SECP384R1()))),
        ("identity_key", pem(rsa.generate_private_key(65537, 2048))),
        ("identity_key", pem(ec.generate_private_key(ec.SECP256R1()), b"xyzzy")),
        ("stdio_environment", "PATH,DOORWARD_RESOURCE_SECRET"),
        ("stdio_environment", "A=B"),
        ("stdio_processes", "0"),
        ("stdio_processes_per_principal", "0"),
        ("stdio_idle_s", "0"),
        ("upstream_connect_timeout_s", "0"),
        ("upstream_silence_s", "-1"),
        ("upstream_connections", "0"),
        ("upstream_connections_per_principal", "0"),
        ("max_sessions", "0"),
        ("session_idle_s", "0"),
    ],
)
def test_a_bad_value_stops_the_start_names_the_setting_and_is_not_shown(
    name: str, value: str, read: Read
) -> None:
    with pytest.raises((ValidationError, ValueError)) as refused:
        read(**{name: value})
    assert name in str(refused.value).lower()
    assert "xyzzy" not in str(refused.value)


def test_a_mount_cannot_be_where_the_resource_is(read: Read) -> None:
    assert not read(mounts='{"/mcp": "http://b/mcp"}').serves_resource
    with pytest.raises(ValidationError, match="the path /mcp is already in use"):
        read(upstream="http://a/mcp", mounts='{"/mcp": "http://b/mcp"}')


@pytest.mark.parametrize(
    ("resource", "mounted"),
    [
        ("https://mcp.example/mcp", "https://mcp.example/files"),
        ("https://mcp.example", "https://mcp.example/files"),
        ("https://mcp.example/", "https://mcp.example/files"),
        ("https://MCP.example/tools/mcp", "https://MCP.example/tools/files"),
    ],
)
def test_a_mount_is_a_resource_beside_the_main_one(resource: str, mounted: str, read: Read) -> None:
    settings = read(resource=resource, mounts='{"/files": "http://a/mcp"}')
    mount = settings.for_mount(settings.mounts[0])
    assert mount.resource == mounted
    assert mount.mcp_path == "/files"
    assert mount.base_path == settings.base_path
    assert mount.resource_name == "files"


def test_a_mount_gets_no_credential_of_the_main_upstream(read: Read) -> None:
    settings = read(
        upstream="http://a/mcp", upstream_authorization="Key 1", mounts='{"/files": "http://b/mcp"}'
    )
    assert settings.for_mount(settings.mounts[0]).upstream_authorization is None


def test_secrets_show_in_no_representation(read: Read) -> None:
    key = pem(ec.generate_private_key(ec.SECP256R1()))
    mounts = '{"/files": {"upstream": "http://b/mcp", "authorization": "Key very-secret"}}'
    settings = read(upstream_authorization="Key very-secret", identity_key=key, mounts=mounts)
    text = repr(settings) + str(settings)
    assert "very-secret" not in text
    assert key.splitlines()[1] not in text


def test_the_built_in_server_is_there_where_nothing_else_is(read: Read) -> None:
    assert read().serves_notes
    assert not read(upstream="http://a/mcp").serves_notes


def test_clients_cannot_send_the_header_of_an_api_key(read: Read) -> None:
    mounts = '{"/one": {"upstream": "http://a/mcp", "api_key_header": "X-API-Key"}}'
    with pytest.raises(ValidationError, match="DOORWARD_UPSTREAM_HEADERS: 'x-api-key' is the header of"):
        read(upstream_headers="X-API-Key", mounts=mounts)
