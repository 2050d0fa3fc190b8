"""The keys of logins through identity providers: a part of the key schema in `keys`."""

from __future__ import annotations

from auth_service.storage.key_spec import KeySpec

IDENTITY_PROVIDERS: tuple[KeySpec, ...] = (
    KeySpec(
        "identity:{hash of issuer and sub}",
        "a person at an identity provider: the subject of the account, the provider, since when, and the"
        " groups at the last login",
        "until deleted",
    ),
    KeySpec(
        "subject-identities:{subject}",
        "issuer and sub of the identities that are connected to an account",
        "until deleted",
        kind="index",
    ),
    KeySpec(
        "provider-session:{hash of issuer and sid}",
        "subjects of the accounts that logged in in a session of an identity provider",
        "`session_ttl_s`",
        kind="index",
    ),
    KeySpec(
        "provider-id-token:{hash of subject, provider and sid}",
        "the ID token of a login through an identity provider that logs people out, encrypted under the"
        " newest master key; the provider gets it back at the logout",
        "`session_ttl_s`, or until the logout",
    ),
    KeySpec(
        "logout-return:{hash of the state}",
        "a browser that is at the logout page of an identity provider, and where it goes afterwards",
        "10 minutes, or until it comes back",
    ),
    KeySpec(
        "federated-login:{hash of the state}",
        "a login through an identity provider that has begun: the provider, the browser it is bound to, what"
        " it is for, encrypted under the newest master key; once it was answered, where that led",
        "10 minutes; once it is answered a minute, for the same answer when the browser comes back again",
    ),
    KeySpec(
        "upstream-credential:{subject}:{provider}",
        "the refresh token that an identity provider issued for an account, or GitHub's access token,"
        " encrypted under the newest master key, and who uses it until when",
        "`refresh_absolute_ttl_s` after it was last replaced",
    ),
)
