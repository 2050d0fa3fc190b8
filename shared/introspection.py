"""The introspection response (RFC 7662): written by the authorization server, read by the resource server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from shared.scopes import format_scope, parse_scope


class MalformedAnswerError(ValueError):
    """The response violates RFC 7662 §2.2 and says nothing about the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveToken:
    """An active token (RFC 7662 §2.2).

    Attributes:
        audience: the resources that the token is for; may be empty.
        expires_at: seconds since 1970.
        issued_at: seconds since 1970; None if unknown.
        subject: None if the client acts for itself.
        grant_id: identifies the grant in revocation events; it is not a secret.
        jkt: thumbprint of the key that the token is bound to (RFC 9449 §6.2); None for a bearer token.
        act: who acts for the subject (RFC 8693 §4.1).
        parent_grants: the grants that this one was derived from by token exchange, nearest first; the token
            ends when any of them ends.
        acr: the authentication context of the login in which access was granted (RFC 9470 §6.2).
        auth_time: when the user logged in, in seconds since 1970; None if unknown.
        groups: the groups of the user that concern the resource; None if nobody asked for them.
        software: the names of the client's software, which it chose itself; None if nobody asked for them.
    """

    client_id: str
    scopes: tuple[str, ...]
    audience: tuple[str, ...]
    issuer: str
    expires_at: int
    issued_at: int | None = None
    subject: str | None = None
    username: str | None = None
    grant_id: str | None = None
    jkt: str | None = None
    act: dict[str, Any] | None = None
    parent_grants: tuple[str, ...] = ()
    acr: str | None = None
    auth_time: int | None = None
    groups: tuple[str, ...] | None = None
    software: tuple[str, ...] | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON members, without absent ones, because clients reject nulls."""
        members: dict[str, Any] = {
            "active": True,
            "scope": format_scope(self.scopes),
            "client_id": self.client_id,
            "username": self.username,
            "token_type": "DPoP" if self.jkt else "Bearer",
            "exp": self.expires_at,
            "iat": self.issued_at,
            "sub": self.subject,
            "aud": self.audience[0] if len(self.audience) == 1 else list(self.audience) or None,
            "iss": self.issuer,
            "grant_id": self.grant_id,
            "ancestors": list(self.parent_grants) or None,
            "act": self.act,
            "acr": self.acr,
            "auth_time": self.auth_time,
            "groups": list(self.groups or ()) or None,
            "software": list(self.software or ()) or None,
            "cnf": {"jkt": self.jkt} if self.jkt else None,
        }
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def from_wire(cls, answer: object) -> Self | None:
        """Parse an introspection response.

        Returns:
            the token, or None for an inactive one.

        Raises:
            MalformedAnswerError: the response is malformed.
        """
        if not isinstance(answer, dict) or not isinstance(answer.get("active"), bool):
            raise MalformedAnswerError("no boolean 'active'")
        if not answer["active"]:
            return None
        try:
            return cls(
                client_id=_text(answer, "client_id"),
                scopes=parse_scope(_text(answer, "scope")) if "scope" in answer else (),
                audience=_audience(answer.get("aud", [])),
                issuer=_text(answer, "iss"),
                expires_at=_whole_number(answer["exp"]),
                issued_at=_whole_number(answer["iat"]) if "iat" in answer else None,
                subject=_text(answer, "sub") if "sub" in answer else None,
                username=_text(answer, "username") if "username" in answer else None,
                grant_id=_text(answer, "grant_id") if "grant_id" in answer else None,
                parent_grants=_parent_grants(answer["ancestors"]) if "ancestors" in answer else (),
                act=_object(answer["act"]) if "act" in answer else None,
                acr=_text(answer, "acr") if "acr" in answer else None,
                auth_time=_whole_number(answer["auth_time"]) if "auth_time" in answer else None,
                groups=_groups(answer["groups"]) if "groups" in answer else None,
                software=_groups(answer["software"]) if "software" in answer else None,
                jkt=_confirmation(answer["cnf"]) if "cnf" in answer else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedAnswerError(str(error)) from error


INACTIVE: dict[str, Any] = {"active": False}

REQUEST_ID_PARAMETER = "request_id"
"""The parameter in which a resource server tells the id of the request that it serves, so that both services
log the same one (RFC 7662 §2.1: further parameters provide context). Not a header: the head of most requests
repeats that of the one before, and is not parsed again."""

WITH_GROUPS = {"groups": "true"}
"""The parameter by which a resource server asks for `groups` (RFC 7662 §2.1 allows further parameters)."""

WITH_SOFTWARE = {"software": "true"}
"""The parameter by which a resource server asks for `software`."""

SIGNED_TYPE = "token-introspection+jwt"
"""The `typ` header of a signed answer, and with ``application/`` its media type (RFC 9701 §5)."""


def _text(answer: dict[str, Any], member: str) -> str:
    value = answer[member]
    if not isinstance(value, str):
        raise TypeError(f"'{member}' is not a string")
    return value


def _confirmation(value: object) -> str:
    # An unknown confirmation method must not turn a bound token into a bearer token (RFC 7800 §3.1).
    if not isinstance(value, dict):
        raise TypeError("'cnf' is not an object")
    return _text(value, "jkt")


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("'act' is not an object")
    return value


def _parent_grants(value: object) -> tuple[str, ...]:
    # A reader that ignored a parent grant would miss the end of the token.
    if not isinstance(value, list) or not all(isinstance(member, str) and member for member in value):
        raise TypeError("'ancestors' is not a list of strings")
    return tuple(value)


def _groups(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
        raise TypeError("'groups' is not a list of strings")
    return tuple(value)


def _whole_number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a time is not a whole number")
    return value


def _audience(value: object) -> tuple[str, ...]:
    members = [value] if isinstance(value, str) else value
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        raise TypeError("'aud' is neither a string nor a list of strings")
    return tuple(members)
