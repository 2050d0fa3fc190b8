"""The identities and second factors of a person, as `logins_file` reads them."""

from __future__ import annotations

from typing import Any

from auth_service.declarative.logins_file import (
    APP_NUMBERS,
    IDENTITY_NUMBERS,
    PASSKEY_NUMBERS,
    PASSKEY_TEXTS,
)
from auth_service.federation.identities import Identity, Origin
from auth_service.protocol.factors import Factors
from auth_service.users.repository import User


def exported_identity(identity: Identity, user: User) -> dict[str, Any]:
    """Return an identity with its origin, also where an earlier release did not record it."""
    silent = identity.is_silent_link(user.created_at)
    unrecorded = Origin.EMAIL if silent else Origin.CREATED
    members = {
        "provider": identity.provider_id,
        "issuer": identity.issuer,
        "subject": identity.provider_subject,
        "name": identity.name,
        "email": identity.email,
        "origin": str(identity.origin or unrecorded),
        "groups": list(identity.groups),
        **{name: getattr(identity, name) for name in IDENTITY_NUMBERS},
    }
    return {name: value for name, value in members.items() if value}


def exported_factors(factors: Factors) -> dict[str, Any]:
    """Return the second factors; the secret of an authenticator app is encrypted under a master key."""
    app = factors.app
    members = {
        "authenticator_app": app and {"sealed": app.sealed, **_numbers(app, APP_NUMBERS)},
        "passkeys": [
            {name: getattr(key, name) for name in PASSKEY_TEXTS}
            | _numbers(key, PASSKEY_NUMBERS)
            | ({"alone": True} if key.alone else {})
            for key in factors.passkeys
        ],
        "recovery_codes": list(factors.recovery_codes),
        "recovery_codes_at": factors.recovery_codes_at,
    }
    return {name: value for name, value in members.items() if value}


def _numbers(document: object, names: tuple[str, ...]) -> dict[str, int]:
    return {name: value for name in names if (value := getattr(document, name))}
