"""Plans changes of the clients that the operator created; others are left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from auth_service.administration.client_metadata import GRANT_TYPES
from auth_service.declarative.model import ClientChange, DeclaredClient, Section
from auth_service.protocol.client import SECRET_METHODS, Client
from auth_service.protocol.errors import OAuthError
from auth_service.protocol.registration import parse_metadata


def plan_clients(
    section: Section[DeclaredClient], clients: Mapping[str, Client], problems: list[str]
) -> list[ClientChange]:
    """Return the changes."""
    removed = [
        ClientChange(action="remove", name=client_id, details=(f"client_name: {client.name}",))
        for client_id, client in clients.items()
        if section.prune and client.is_operators and client_id not in section.entries
    ]
    return [*removed, *_additions(section.entries, clients, problems)]


def _additions(
    declared: Mapping[str, DeclaredClient], clients: Mapping[str, Client], problems: list[str]
) -> Iterator[ClientChange]:
    for client_id, entry in declared.items():
        try:
            change = _planned(client_id, entry, clients.get(client_id))
        except OAuthError as error:
            problems.append(f"clients.entries.{client_id}: {error.description}")
        except ValueError as error:
            problems.append(f"clients.entries.{client_id}: {error}")
        else:
            if change is not None:
                yield change


def _planned(client_id: str, entry: DeclaredClient, client: Client | None) -> ClientChange | None:
    if client is not None and not client.is_operators:
        raise ValueError("a client with this id registered itself")
    before = dict(client.metadata) if client else {}
    after = _registered({**before, **entry.metadata})
    _check_secret(entry, client, after)
    old_hash = client.secret_hash if client else None
    secret_hash = entry.secret_hash if entry.secret_hash != old_hash else None
    if after == before and secret_hash is None:
        return None
    return ClientChange(
        action="change" if client else "add",
        name=client_id,
        metadata=after,
        secret_hash=secret_hash,
        details=tuple(_details(before, after, rotated=secret_hash is not None and old_hash is not None)),
    )


def _registered(members: dict[str, Any]) -> dict[str, Any]:
    grant_types = members.get("grant_types", [])
    unknown = [grant for grant in grant_types if grant not in GRANT_TYPES] if grant_types else []
    if unknown and isinstance(grant_types, list):
        raise ValueError(f"grant_types: {unknown[0]!r} is not supported; use {', '.join(GRANT_TYPES)}")
    metadata, translated = parse_metadata(members)
    return {**metadata.registered(GRANT_TYPES), **translated}


def _check_secret(entry: DeclaredClient, client: Client | None, metadata: dict[str, Any]) -> None:
    takes_one = metadata["token_endpoint_auth_method"] in SECRET_METHODS
    if entry.secret_hash is not None and not takes_one:
        raise ValueError(f"a client with {metadata['token_endpoint_auth_method']} cannot have a secret")
    if takes_one and entry.secret_hash is None and (client is None or client.secret_hash is None):
        raise ValueError("the client needs a secret: add secret: env:NAME or secret: file:PATH")


def _details(before: dict[str, Any], after: dict[str, Any], *, rotated: bool) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        old, new = _text(before.get(name)), _text(after.get(name))
        if old != new:
            yield f"{name}: {old} -> {new}" if before else f"{name}: {new}"
    if rotated:
        yield "secret: rotated; the previous one works for a week"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
