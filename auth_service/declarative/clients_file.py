"""The section `clients` of the file."""

from __future__ import annotations

import re
from typing import Any, get_args

from auth_service.crypto.secrets import digest
from auth_service.declarative.model import DeclaredClient
from auth_service.declarative.reading import Reader, ReadSecret
from auth_service.protocol.registration import HUMAN_READABLE, ClientMetadata
from shared.plain_yaml import Place

# A software statement binds a client to its issuer at registration; the operator's clients need none.
METADATA = tuple(name for name in ClientMetadata.model_fields if name != "software_statement")
BOOLEANS = frozenset(
    name for name in METADATA if bool in get_args(ClientMetadata.model_fields[name].annotation)
)
_OURS = ("secret", "secret_sha256", "disabled")
KEYS = (*METADATA, *_OURS)
# No colon: a client_id with one is a URL, whose document describes the client, or a workload.
_CLIENT_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
# RFC 7591 §2.2: a member in another language.
TRANSLATED = re.compile(rf"({'|'.join(HUMAN_READABLE)})#.{{1,35}}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# RFC 6749 §2.3.1 encodes credentials as forms, which many clients omit: these need no encoding.
_SECRET = re.compile(r"[A-Za-z0-9._~-]{32,255}")


def read_clients(
    reader: Reader, entries: object, place: Place, read_secret: ReadSecret
) -> dict[str, DeclaredClient]:
    """Return the clients by client_id."""
    clients: dict[str, DeclaredClient] = {}
    for client_id, value in reader.mapping(entries, place).items():
        here = (*place, client_id)
        if not _CLIENT_ID.fullmatch(client_id):
            reader.refuse(
                here, "a client_id consists of at most 128 letters, digits, dots, hyphens and underscores"
            )
        translated = [key for key in value if TRANSLATED.fullmatch(key)] if isinstance(value, dict) else []
        members = reader.mapping(value, here, (*KEYS, *translated))
        clients[client_id] = DeclaredClient(
            metadata={
                name: _member(reader, name, member, (*here, name))
                for name, member in members.items()
                if name not in _OURS
            },
            secret_hash=_secret_hash(reader, members, here, read_secret),
            disabled=reader.boolean(members["disabled"], (*here, "disabled"))
            if "disabled" in members
            else None,
        )
    return clients


def _member(reader: Reader, name: str, value: object, place: Place) -> Any:  # noqa: ANN401 -- JSON
    # The other members are text, or lists and mappings of text; `plan` validates them with those that exist.
    if name == "jwks":
        return _with_booleans(value)
    return reader.boolean(value, place) if name in BOOLEANS and value != "" else value


def _with_booleans(value: object) -> object:
    """Return a JWK Set with the booleans that some programs write into keys (`ext`)."""
    if isinstance(value, dict):
        return {name: _with_booleans(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_booleans(item) for item in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _secret_hash(
    reader: Reader, members: dict[str, object], place: Place, read_secret: ReadSecret
) -> str | None:
    if "secret_sha256" in members:
        value = members["secret_sha256"]
        if "secret" in members:
            reader.refuse((*place, "secret"), "secret and secret_sha256 exclude each other")
        if isinstance(value, str) and _SHA256.fullmatch(value):
            return value
        reader.refuse((*place, "secret_sha256"), "this must be 64 hexadecimal digits")
    elif "secret" in members:
        return _digest(reader, members["secret"], (*place, "secret"), read_secret)
    return None


def _digest(reader: Reader, reference: object, place: Place, read_secret: ReadSecret) -> str | None:
    # The value is never repeated in a message: somebody may have written the secret itself.
    if not isinstance(reference, str) or not reference.startswith(("env:", "file:")):
        reader.refuse(place, "write env:NAME or file:PATH, not the secret itself")
        return None
    try:
        secret = read_secret(reference)
    except ValueError as error:
        reader.refuse(place, str(error))
        return None
    if not _SECRET.fullmatch(secret):
        reader.refuse(
            place, f"the secret at {reference} must have 32 to 255 characters of A-Z a-z 0-9 . _ ~ -"
        )
        return None
    return digest(secret)
