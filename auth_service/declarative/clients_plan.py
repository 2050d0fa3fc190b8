"""Plans changes of the clients that the operator created; others are left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from auth_service.administration.client_metadata import operator_metadata
from auth_service.declarative.model import ClientChange, DeclaredClient, Section
from auth_service.protocol.client import SECRET_METHODS, Client
from auth_service.protocol.errors import OAuthError


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
    after = operator_metadata({**before, **entry.metadata})
    _check_secret(entry, client, after)
    old_hash = client.secret_hash if client else None
    secret_hash = entry.secret_hash if entry.secret_hash != old_hash else None
    disabled = entry.disabled if entry.disabled != bool(client and client.disabled) else None
    if after == before and secret_hash is None and disabled is None:
        return None
    return ClientChange(
        action="change" if client else "add",
        name=client_id,
        metadata=after,
        secret_hash=secret_hash,
        disabled=disabled,
        details=(
            *_details(before, after, rotated=secret_hash is not None and old_hash is not None),
            *(() if disabled is None else (f"disabled: {_text(disabled)}",)),
        ),
    )


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
