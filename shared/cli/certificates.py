"""The certificate authority of ``doorward up --https``: certificates for this machine, and nothing else.

The authority may certify only loopback names and addresses (RFC 5280 §4.2.1.10), so that trusting it risks
nothing elsewhere, even if its key leaks.
"""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.cli.console import CommandError
from shared.cli.set_up.saved import replace_file

AUTHORITY_DAYS = 3_650
CERTIFICATE_DAYS = 30
RENEWED_DAYS = 365
"""An authority that ends sooner is replaced at the start."""

FILE, KEY_FILE = "ca.pem", "ca-key.pem"
_NAMES = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)
_CONSTRAINTS = x509.NameConstraints(
    permitted_subtrees=[
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
        x509.IPAddress(ipaddress.ip_network("::1/128")),
    ],
    excluded_subtrees=None,
)
_NO_USAGE = dict.fromkeys(
    (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    ),
    False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """The files of a start.

    Attributes:
        authority: the certificate to trust.
        certificate, key: of the services.
        bundle: the machine's authorities and this one, for the services themselves.
    """

    authority: Path
    certificate: Path
    key: Path
    bundle: Path

    @property
    def settings(self) -> dict[str, str]:
        """The variables with which a service trusts the other one."""
        return {"SSL_CERT_FILE": str(self.bundle.resolve())}


def certificates_in(directory: Path) -> Certificates:
    """Issue a certificate for this machine; create the authority if `directory` has none.

    Raises:
        CommandError: the authority cannot be read.
    """
    now = datetime.datetime.now(datetime.UTC)
    authority, key = _authority(directory, now)
    own_key = ec.generate_private_key(ec.SECP256R1())
    own = _certificate(authority, key, own_key, now)
    files = Certificates(
        authority=directory / FILE,
        certificate=directory / "tls.pem",
        key=directory / "tls-key.pem",
        bundle=directory / "trusted.pem",
    )
    replace_file(files.key, _private(own_key))
    replace_file(files.certificate, _public(own))
    replace_file(files.bundle, _machines_authorities() + _public(authority))
    return files


def _authority(
    directory: Path, now: datetime.datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    path, key_path = directory / FILE, directory / KEY_FILE
    if path.exists() and key_path.exists():
        certificate, key = _read(path, key_path)
        if certificate.not_valid_after_utc - now > datetime.timedelta(days=RENEWED_DAYS):
            return certificate, key
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _new_authority(key, now)
    replace_file(key_path, _private(key))
    replace_file(path, _public(certificate))
    return certificate, key


def _read(path: Path, key_path: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise CommandError(f"{path} or {key_path} cannot be read; delete both for a new authority") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise CommandError(f"{key_path} is not the key of {path}; delete both for a new authority")
    return certificate, key


def _new_authority(key: ec.EllipticCurvePrivateKey, now: datetime.datetime) -> x509.Certificate:
    name = _name("Doorward on this machine")
    usage = x509.KeyUsage(**{**_NO_USAGE, "key_cert_sign": True, "crl_sign": True})
    return (
        _builder(name, name, key.public_key())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(_CONSTRAINTS, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _certificate(
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    now: datetime.datetime,
) -> x509.Certificate:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder(_name("localhost"), authority.subject, key.public_key())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{**_NO_USAGE, "digital_signature": True}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_NAMES), critical=False)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    return builder.public_key(key).serial_number(x509.random_serial_number())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _public(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, *form).decode()


def _machines_authorities() -> str:
    """Return the certificates that this machine trusts, or those that the environment names instead."""
    context = ssl.create_default_context()
    return "".join(ssl.DER_cert_to_PEM_cert(each) for each in context.get_ca_certs(binary_form=True))
