"""The members `identities` and `second_factors` of a person in the file (ID-12)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from auth_service.declarative.reading import Reader
from auth_service.federation.identities import MAX_KEPT_GROUPS, Identity, Origin
from auth_service.protocol.factors import MAX_PASSKEYS, AuthenticatorApp, Factors, Passkey
from shared.plain_yaml import Place

IDENTITY_TEXTS = ("provider", "issuer", "subject", "name", "email", "origin")
IDENTITY_NUMBERS = ("connected_at", "seen_at", "groups_at")
APP_NUMBERS = ("added_at", "last_step", "used_at")
PASSKEY_TEXTS = ("credential_id", "public_key", "name")
PASSKEY_NUMBERS = ("added_at", "sign_count", "used_at", "cloned_at")
FACTORS = ("authenticator_app", "passkeys", "recovery_codes", "recovery_codes_at")
MAX_IDENTITIES = 100
MAX_CODES = 100
LONGEST = 4_096
_NUMBER = re.compile(r"[0-9]{1,15}")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_identities(reader: Reader, value: object, place: Place) -> tuple[Identity, ...]:
    """Return the identities; their accounts are set when they are connected."""
    items = reader.items(value, place, most=MAX_IDENTITIES)
    return tuple(_identity(reader, item, (*place, index)) for index, item in enumerate(items))


def read_factors(reader: Reader, value: object, place: Place) -> Factors:
    """Return the second factors."""
    members = reader.mapping(value, place, FACTORS)
    app, keys = members.get("authenticator_app"), members.get("passkeys", [])
    codes = reader.items(members.get("recovery_codes", []), (*place, "recovery_codes"), most=MAX_CODES)
    items = reader.items(keys, (*place, "passkeys"), most=MAX_PASSKEYS)
    return Factors(
        app=None if app is None else _app(reader, app, (*place, "authenticator_app")),
        passkeys=tuple(_passkey(reader, item, (*place, "passkeys", n)) for n, item in enumerate(items)),
        recovery_codes=tuple(
            _matching(reader, code, (*place, "recovery_codes", n), _SHA256) for n, code in enumerate(codes)
        ),
        recovery_codes_at=_number(reader, members.get("recovery_codes_at", "0"), place),
    )


def _identity(reader: Reader, value: object, place: Place) -> Identity:
    members = reader.mapping(value, place, (*IDENTITY_TEXTS, *IDENTITY_NUMBERS, "groups"))
    texts = _members(members, IDENTITY_TEXTS, lambda member, key: _text(reader, member, (*place, key)))
    numbers = _members(members, IDENTITY_NUMBERS, lambda member, key: _number(reader, member, (*place, key)))
    groups = reader.items(members.get("groups", []), (*place, "groups"), most=MAX_KEPT_GROUPS)
    for key in ("provider", "issuer", "subject"):
        if not texts.get(key):
            reader.refuse((*place, key), "this is missing")
    if texts.get("origin", "") not in list(Origin):
        reader.refuse((*place, "origin"), "this must be created, email or owner")
    return Identity(
        subject="",
        provider_id=texts.get("provider", ""),
        issuer=texts.get("issuer", ""),
        provider_subject=texts.get("subject", ""),
        name=texts.get("name", ""),
        email=texts.get("email") or None,
        # Without it, the operator has connected the identity on purpose.
        origin=texts.get("origin", Origin.OWNER),
        groups=tuple(_text(reader, group, (*place, "groups", n)) for n, group in enumerate(groups)),
        **{"connected_at": 0, **numbers},
    )


def _app(reader: Reader, value: object, place: Place) -> AuthenticatorApp:
    members = reader.mapping(value, place, ("sealed", *APP_NUMBERS))
    numbers = _members(members, APP_NUMBERS, lambda member, key: _number(reader, member, (*place, key)))
    sealed = _matching(reader, members.get("sealed"), (*place, "sealed"), _BASE64URL)
    return AuthenticatorApp(sealed=sealed, **{"added_at": 0, **numbers})


def _passkey(reader: Reader, value: object, place: Place) -> Passkey:
    members = reader.mapping(value, place, (*PASSKEY_TEXTS, *PASSKEY_NUMBERS, "alone"))
    numbers = _members(members, PASSKEY_NUMBERS, lambda member, key: _number(reader, member, (*place, key)))
    alone = reader.boolean(members["alone"], (*place, "alone")) if "alone" in members else False
    return Passkey(
        credential_id=_matching(reader, members.get("credential_id"), (*place, "credential_id"), _BASE64URL),
        public_key=_matching(reader, members.get("public_key"), (*place, "public_key"), _BASE64URL),
        name=_text(reader, members.get("name", "passkey"), (*place, "name")),
        alone=bool(alone),
        **{"added_at": 0, **numbers},
    )


def _members(
    members: dict[str, object], keys: tuple[str, ...], read: Callable[[object, str], Any]
) -> dict[str, Any]:
    return {key: read(members[key], key) for key in keys if key in members}


def _text(reader: Reader, value: object, place: Place) -> str:
    return reader.text(value, place, longest=LONGEST) or ""


def _number(reader: Reader, value: object, place: Place) -> int:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    reader.refuse(place, "this must be a whole number")
    return 0


def _matching(reader: Reader, value: object, place: Place, pattern: re.Pattern[str]) -> str:
    if isinstance(value, str) and len(value) <= LONGEST and pattern.fullmatch(value):
        return value
    reader.refuse(place, "this is not as `doorward export` writes it")
    return ""
