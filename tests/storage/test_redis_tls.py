"""Redis behind TLS: the certificate is checked, always."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.storage import StoreUnavailableError, open_store
from tests.machine import require
from tests.servers import DURABLE, free_port, redis_running
from tests.storage.calls import CALLS

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class TlsServer:
    port: int
    certificate: Path


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, valid for an hour, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "redis")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (directory / "key.pem").write_bytes(key.private_bytes(pem, *plain))
    return directory / "cert.pem", directory / "key.pem"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsServer]:
    require("redis-server")
    certificate, key = write_certificate(tmp_path)
    port = free_port()
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-auth-clients", "no")
    arguments = (*DURABLE, "--tls-port", str(port), *files, "--tls-ca-cert-file", str(certificate))
    with redis_running(tmp_path / "redis", *arguments):
        yield TlsServer(port, certificate)


async def test_every_call_works_over_tls_with_a_trusted_certificate(server: TlsServer) -> None:
    store = open_store(f"rediss://127.0.0.1:{server.port}?ssl_ca_certs={server.certificate}")
    for call in CALLS.values():
        await call(store)
    await store.aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_certificate_of_unknown_origin_or_for_another_host_is_refused(
    server: TlsServer, host: str
) -> None:
    trusted = f"?ssl_ca_certs={server.certificate}" if host == "localhost" else ""
    store = open_store(f"rediss://{host}:{server.port}{trusted}")
    with pytest.raises(StoreUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        await store.ping()
    await store.aclose()


async def test_a_client_without_tls_gets_no_answer_from_the_tls_port(server: TlsServer) -> None:
    store = open_store(f"redis://127.0.0.1:{server.port}")
    with pytest.raises(StoreUnavailableError):
        await store.ping()
    await store.aclose()
