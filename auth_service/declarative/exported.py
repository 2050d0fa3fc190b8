"""The current state as a file that `doorward apply` reads."""

from __future__ import annotations

from typing import Any

from auth_service.declarative.logins_exported import exported_factors, exported_identity
from auth_service.declarative.model import State
from auth_service.declarative.setting_kinds import KINDS, SettingKind
from auth_service.declarative.stored_settings import DeclaredSetting
from auth_service.protocol.access_document import access_document
from auth_service.protocol.client import Client
from auth_service.protocol.factors import Factors
from auth_service.users.repository import User
from shared.plain_yaml import write_values


def exported(state: State, *, with_credentials: bool = False) -> str:
    """Return the file.

    Rules that follow from the settings are not part of it. Stored rules are, with `prune`: those that follow
    from the settings of another installation must not add to them.

    Args:
        with_credentials: whether with everything that people and clients authenticate with: hashes of
            passwords and client secrets, identities, second factors; and the key of pairwise subjects.
    """
    people = {
        user.username: _person(user) | (_credentials(user, state) if with_credentials else {})
        for _, user in sorted(state.people.items())
    }
    sections: dict[str, Any] = {
        "people": {"entries": people},
        "groups": {"entries": {name: sorted(members) for name, members in sorted(state.groups.items())}},
    }
    if state.access is not None and state.access_version:
        sections["access"] = {"prune": True, **access_document(state.access)}
    clients = {
        client_id: _client(client, with_credentials)
        for client_id, client in sorted(state.clients.items())
        if client.is_operators
    }
    sections["clients"] = {"entries": clients}
    for name, settings in state.settings.items():
        entries = {entry_id: _setting(KINDS[name], setting) for entry_id, setting in sorted(settings.items())}
        sections |= {name: {"entries": entries}} if entries else {}
    if with_credentials and state.pairwise_key is not None:
        sections["pairwise_subjects"] = {"sealed_key": state.pairwise_key}
    return write_values(sections)


def _person(user: User) -> dict[str, Any]:
    values = {
        "subject": user.subject,
        "name": user.name,
        "email": user.email,
        "admin": user.admin,
        "disabled": user.disabled,
        "provider_username": user.provider_username,
    }
    links = {} if user.accepts_links else {"accepts_links": False}
    return {name: value for name, value in values.items() if value not in (None, "")} | links


def _credentials(user: User, state: State) -> dict[str, Any]:
    identities = state.identities.get(user.subject, ())
    values = {
        "password_hash": user.password_hash,
        "identities": [exported_identity(identity, user) for identity in identities],
        "second_factors": exported_factors(state.factors.get(user.subject, Factors())),
    }
    return {name: value for name, value in values.items() if value}


def _setting(kind: SettingKind, setting: DeclaredSetting) -> dict[str, Any]:
    """Return a declared setting, with the place of its secret instead of the secret."""
    secret = {kind.secret: setting.secret_from} if setting.secret_from else {}
    return {**setting.configuration, **secret}


def _client(client: Client, with_hashes: bool) -> dict[str, Any]:
    has_hash = with_hashes and client.secret_hash is not None
    secret = {"secret_sha256": client.secret_hash} if has_hash else {}
    disabled = {"disabled": True} if client.disabled else {}
    return {**{name: value for name, value in client.metadata.items() if value != []}, **secret, **disabled}
