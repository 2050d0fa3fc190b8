"""The JSON Schema of the file, with which editors complete and check it."""

from __future__ import annotations

from typing import Any

from auth_service.declarative.clients_file import BOOLEANS, METADATA, TRANSLATED
from auth_service.declarative.logins_file import (
    APP_NUMBERS,
    IDENTITY_NUMBERS,
    IDENTITY_TEXTS,
    PASSKEY_NUMBERS,
    PASSKEY_TEXTS,
)
from auth_service.declarative.people_file import LONGEST
from auth_service.declarative.setting_kinds import KINDS, SettingKind
from auth_service.protocol.registration import ClientMetadata


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


_TEXT = {"type": "string", "maxLength": 255}
_BOOLEAN = {"type": "boolean"}
_SCOPES = {"oneOf": [{"const": "*"}, {"type": "array", "items": _TEXT, "minItems": 1}]}
_RULES = {
    "type": "object",
    "additionalProperties": {"type": "object", "additionalProperties": _SCOPES, "minProperties": 1},
}
_SECRET = {"type": "string", "pattern": "^(env|file):.+"}
_LINE = {"type": "string"}
_NUMBER = {"type": "integer", "minimum": 0}
_IDENTITY = {
    **dict.fromkeys(IDENTITY_TEXTS, _LINE),
    **dict.fromkeys(IDENTITY_NUMBERS, _NUMBER),
    "groups": {"type": "array", "items": {"type": "string"}},
}
_PASSKEY = {
    **dict.fromkeys(PASSKEY_TEXTS, _LINE),
    **dict.fromkeys(PASSKEY_NUMBERS, _NUMBER),
    "alone": _BOOLEAN,
}
_FACTORS = {
    "authenticator_app": _closed({"sealed": {"type": "string"}, **dict.fromkeys(APP_NUMBERS, _NUMBER)}),
    "passkeys": {"type": "array", "items": _closed(_PASSKEY)},
    "recovery_codes": {"type": "array", "items": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
    "recovery_codes_at": _NUMBER,
}
_PERSON = {
    "subject": {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"},
    "name": {"type": "string", "maxLength": LONGEST},
    "email": _TEXT,
    "admin": _BOOLEAN,
    "disabled": _BOOLEAN,
    "accepts_links": _BOOLEAN,
    "provider_username": {"type": "string", "maxLength": LONGEST},
    "password_hash": {"type": "string", "pattern": r"^\$argon2id\$"},
    "identities": {"type": "array", "items": _closed(_IDENTITY)},
    "second_factors": _closed(_FACTORS),
}


def json_schema() -> dict[str, Any]:
    """Return the schema."""
    access = {"prune": _BOOLEAN, "contact": _TEXT, "groups": _RULES, "people": _RULES}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Doorward configuration",
        **_closed(
            {
                "people": _section(_closed(_PERSON)),
                "groups": _section({"type": "array", "items": _TEXT}),
                "access": _closed(access),
                "clients": _section(_closed(_client()) | {"patternProperties": _translated()}),
                **{name: _section(_setting(kind)) for name, kind in KINDS.items()},
                "pairwise_subjects": _closed({"sealed_key": _TEXT}),
            }
        ),
    }


def _client() -> dict[str, Any]:
    described = ClientMetadata.model_json_schema()["properties"]
    members = {name: _member(name, described[name]) for name in METADATA}
    return {
        **members,
        "secret": _SECRET,
        "secret_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "disabled": _BOOLEAN,
    }


def _setting(kind: SettingKind) -> dict[str, Any]:
    """Return the schema of the setting of that name, whose secret is elsewhere, and whose id is the key."""
    described = kind.model.model_json_schema()
    properties = {name: described["properties"][name] for name in kind.keys} | {kind.secret: _SECRET}
    required = [name for name in described["required"] if name in properties and name != kind.secret]
    schema: dict[str, Any] = _inlined(_closed(properties) | {"required": required}, described["$defs"])
    return schema


def _inlined(schema: object, definitions: dict[str, Any]) -> Any:  # noqa: ANN401 -- JSON
    """Return `schema` with the definitions in the place of references to them."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(member, definitions) for name, member in schema.items() if name != "title"}


def _translated() -> dict[str, Any]:
    """Return the members in other languages (RFC 7591 §2.2)."""
    return {f"^{TRANSLATED.pattern}$": {"type": "string"}}


def _member(name: str, described: dict[str, Any]) -> dict[str, Any]:
    kind = {"boolean": name in BOOLEANS, "object": name == "jwks"}
    kinds = {"redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "contacts"}
    schema: dict[str, Any] = {"type": next((each for each, fits in kind.items() if fits), "string")}
    if name in kinds:
        schema = {"type": "array", "items": {"type": "string"}}
    return schema | {key: described[key] for key in ("description",) if key in described}


def _section(entry: dict[str, Any]) -> dict[str, Any]:
    entries = {"type": "object", "additionalProperties": entry}
    return _closed({"prune": _BOOLEAN, "entries": entries}) | {"required": ["entries"]}
