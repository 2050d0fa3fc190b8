"""The keys of logins through identity providers: a part of the key schema in `keys`."""

from __future__ import annotations

from shared.storage.key_spec import KeySpec

IDENTITY_PROVIDERS: tuple[KeySpec, ...] = (
    KeySpec(
        "identity:{hash of issuer and sub}",
        "a person at an identity provider: the subject of the account, the provider, the time of the"
        " connection, and the groups at the last login",
        "until deleted",
    ),
    KeySpec(
        "subject-identities:{subject}",
        "issuer and sub of the identities connected to an account",
        "until deleted",
        kind="index",
    ),
    KeySpec(
        "provider-session:{hash of issuer and sid}",
        "subjects of the accounts with a login in a session of an identity provider",
        "`session_ttl_s`",
        kind="index",
    ),
    KeySpec(
        "provider-id-token:{hash of subject, provider and sid}",
        "the ID token of a login through an identity provider with logout, encrypted under the newest"
        " master key; it is sent to the provider at the logout",
        "`session_ttl_s`, or until the logout",
    ),
    KeySpec(
        "logout-return:{hash of the state}",
        "a browser at the logout page of an identity provider, and the page to return to",
        "10 minutes, or until it returns",
    ),
    KeySpec(
        "federated-login:{hash of the state}",
        "a login through an identity provider: the provider, the browser it is bound to, its purpose,"
        " encrypted under the newest master key; once it is completed, the page it led to",
        "10 minutes; a minute once it is completed, so that a repeated request gets the same response",
    ),
    KeySpec(
        "upstream-credential:{subject}:{provider}",
        "the refresh token that an identity provider issued for an account, or GitHub's access token,"
        " encrypted under the newest master key; the process that uses it, and until when",
        "`refresh_absolute_ttl_s` after it was last replaced",
    ),
)
