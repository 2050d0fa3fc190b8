"""Size limits for what strangers can store: one table, and the two functions that enforce it.

Everything in these tables is stored before a login, so all of it is bounded, and parameters that this server
does not understand are not stored at all. `docs/reference/protocol.md` shows the table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from auth_service.protocol.errors import InvalidClientMetadataError, InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason

KB = 1_024
REQUEST_BYTES = 8 * KB
"""All parameters of a pending or pushed authorization request together."""

CLIENT_BYTES = 8 * KB
"""All the metadata of a client."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The limit for one authorization request parameter.

    Attributes:
        hint: whether the parameter is only a hint: too long, it is dropped instead of refusing the request.
    """

    most_bytes: int
    hint: bool = False


AUTHORIZATION_REQUEST: Mapping[str, Budget] = {
    "acr_values": Budget(512, hint=True),
    "claims": Budget(2 * KB),
    "claims_locales": Budget(256, hint=True),
    "client_id": Budget(2 * KB),
    "code_challenge": Budget(128),
    "code_challenge_method": Budget(32),
    "display": Budget(32, hint=True),
    "dpop_jkt": Budget(64),
    "id_token_hint": Budget(4 * KB),
    "login_hint": Budget(320, hint=True),
    "max_age": Budget(16),
    "nonce": Budget(512),
    "prompt": Budget(64),
    "redirect_uri": Budget(2 * KB),
    "response_mode": Budget(32),
    "response_type": Budget(64),
    "scope": Budget(2 * KB),
    "state": Budget(2 * KB),
    "ui_locales": Budget(256, hint=True),
}
"""The stored parameters, by name. Each `resource` counts separately, at most 2 kB each."""

RESOURCE_BYTES = 2 * KB
MOST_RESOURCES = 8


def known_parameters(parameters: Parameters) -> Parameters:
    """Return the parameters of an authorization request that this server knows, without overlong hints.

    RFC 6749 §3.1: unknown parameters are ignored, so they are not stored either.
    """
    values = {
        name: value
        for name, value in parameters.values.items()
        if (budget := AUTHORIZATION_REQUEST.get(name))
        and not (budget.hint and len(value.encode()) > budget.most_bytes)
    }
    return Parameters(values, tuple(dict.fromkeys(parameters.resources)))


def check_request(parameters: Parameters) -> Parameters:
    """Enforce the limits on the parameters that would be stored, and return these.

    Raises:
        InvalidRequestError: a parameter is too long, or all of them together are.
    """
    kept = known_parameters(parameters)
    for name, value in kept.values.items():
        _check_length(name, value, AUTHORIZATION_REQUEST[name].most_bytes)
    if len(kept.resources) > MOST_RESOURCES:
        raise InvalidRequestError(
            Reason.RESOURCE_REPEATED, f"resource may appear {MOST_RESOURCES} times at most"
        )
    for resource in kept.resources:
        _check_length("resource", resource, RESOURCE_BYTES)
    if _stored_bytes([kept.values, kept.resources]) > REQUEST_BYTES:
        raise InvalidRequestError(
            Reason.REQUEST_TOO_LONG, f"the request is too long: {REQUEST_BYTES} bytes is the maximum"
        )
    return kept


def check_client(metadata: Mapping[str, object]) -> None:
    """Enforce `CLIENT_BYTES` on a client's metadata, as it would be stored.

    Raises:
        InvalidClientMetadataError: the metadata is longer.
    """
    if _stored_bytes(metadata) > CLIENT_BYTES:
        raise InvalidClientMetadataError(
            Reason.CLIENT_METADATA_TOO_LONG, f"the metadata is too long: {CLIENT_BYTES} bytes is the maximum"
        )


def budgets_table() -> str:
    """Render the table for `docs/reference/protocol.md`."""
    rows = [
        f"| `{name}` | {budget.most_bytes} | {'left out' if budget.hint else 'refused'} |"
        for name, budget in AUTHORIZATION_REQUEST.items()
    ]
    rows += [
        f"| each `resource`, {MOST_RESOURCES} at most | {RESOURCE_BYTES} | refused |",
        f"| a pending or pushed request, in all | {REQUEST_BYTES} | refused |",
        f"| the metadata of a client, in all | {CLIENT_BYTES} | refused |",
    ]
    return "\n".join(["| kept | bytes at most | longer |", "| --- | --- | --- |", *rows])


def _check_length(name: str, value: str, most_bytes: int) -> None:
    if len(value.encode()) > most_bytes:
        raise InvalidRequestError(
            Reason.PARAMETER_TOO_LONG, f"{name} is too long: {most_bytes} bytes is the maximum"
        )


def _stored_bytes(value: object) -> int:
    # As written to the store, where a control character takes six bytes.
    return len(_encode(value).encode())


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
