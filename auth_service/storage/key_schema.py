"""The families of keys in the store: content and lifetime. `docs/reference/storage.md` shows this table."""

from __future__ import annotations

from auth_service.storage.federation_keys import IDENTITY_PROVIDERS
from auth_service.storage.key_spec import KeySpec

SCHEMA: tuple[KeySpec, ...] = (
    KeySpec(
        "client:{client_id}",
        "a client: its metadata; of a registered one the SHA-256 of its secrets and of its registration"
        " access token, of one with a metadata document until when that is fresh; when it was last used, and"
        " whether it is disabled",
        "a registered client a day until first used, a document while it is fresh and `pending_ttl_s` longer;"
        " then a day longer than what it was granted",
    ),
    KeySpec(
        "initial-access-token:{hash}",
        "an initial access token: how many registrations it is still good for, when and by whom it was made",
        "as it was made",
    ),
    KeySpec("initial-access-tokens", "the digests of those", "as long as the token", kind="index"),
    KeySpec(
        "clients",
        "ids of the registered clients, and of those with a document that have been granted something",
        "as long as the client",
        kind="index",
    ),
    KeySpec(
        "clients:unused",
        "the clients that registered by themselves, or whose document was read, and that were never granted"
        " anything, each with the network that registered it: no more than `unused_clients_percent` of"
        " `max_clients`",
        "a day, or as long as the document; until the first grant",
        kind="index",
    ),
    KeySpec("client-grants:{client_id}", "ids of the client's grants", "until the grant ends", kind="index"),
    KeySpec(
        "grant:{grant_id}",
        "one grant: subject, client, scopes, resource, state, generation, since when that is unconfirmed,"
        " session, the network and browser it was given from, its last use (to within 5 minutes)",
        "10 minutes while a code; then until 10 minutes after its last token ends, which is after"
        " `refresh_absolute_ttl_s` at the latest",
    ),
    KeySpec("subject-grants:{subject}", "ids of the subject's grants", "until the grant ends", kind="index"),
    KeySpec(
        "user:{username}",
        "a user: subject, name, password hash, proven and unproven e-mail address, state, whether an"
        " administrator, which consents count",
        "until deleted",
    ),
    KeySpec("users", "the names of all users", "until deleted", kind="index"),
    KeySpec("subject:{subject}", "the name of the user who is this subject", "until deleted"),
    KeySpec(
        "email:{hash of the address}",
        "the name of the user who has a proven e-mail address: one that the operator gave, or that a provider"
        " vouches for",
        "until changed",
    ),
    *IDENTITY_PROVIDERS,
    KeySpec(
        "access",
        "the access rules, with their version: which groups and people may hold which scopes where",
        "until deleted",
    ),
    KeySpec("groups", "the names of the local groups that have members", "until deleted", kind="index"),
    KeySpec("group-members:{group}", "the members of a local group", "until deleted", kind="index"),
    KeySpec("member-groups:{hash of the name}", "a member's local groups", "until deleted", kind="index"),
    KeySpec(
        "known-browsers:{subject}",
        "the browsers in which a person has logged in, at most 30: id, name and network, first and last"
        " login",
        "a year after the last login",
    ),
    KeySpec(
        "factors:{subject}",
        "the second factors of an account: the secret of an authenticator app, encrypted under a master key,"
        " the public keys of passkeys, the digests of recovery codes, the latest changes",
        "until deleted",
    ),
    KeySpec(
        "second-step:{hash of the step's id}",
        "a login whose first factor was accepted and that waits for the second: the account, the browser it"
        " is bound to, where it leads, encrypted under the newest master key",
        "10 minutes",
    ),
    KeySpec(
        "passkey-challenge:{hash of the challenge}",
        "that a challenge was answered, and by which form",
        "10 minutes",
    ),
    KeySpec(
        "session:{hash of the session's secret}",
        "who is logged in, since when, how, from which network and browser, when last seen (to within 5"
        " minutes)",
        "`session_ttl_s`",
    ),
    KeySpec(
        "subject-sessions:{subject}",
        "the digests that the subject's sessions are kept under",
        "as long as the session",
        kind="index",
    ),
    KeySpec(
        "pending:{hash of the request's id}",
        "an authorization request that waits for login or consent, and the browser it is bound to",
        "`pending_ttl_s`; once it is answered a minute, for the same answer to a second click",
    ),
    KeySpec(
        "submission:{hash}",
        "a form that was posted: where that led, and what the secret that it gave is derived from",
        "a minute, in the console an hour: for the same answer to a second click",
    ),
    KeySpec(
        "pushed:{hash of the request's name}",
        "a pushed authorization request: its client and parameters",
        "90 s, once a browser has opened it `pending_ttl_s`; or until it is answered",
    ),
    KeySpec(
        "device:{hash of the device code}",
        "a device request: client, scopes, resource, and what a person decided",
        "10 minutes, and one more to be told that they are over",
    ),
    KeySpec("user-code:{user_code}", "the device request that a short code stands for", "10 minutes"),
    KeySpec(
        "consent:{subject}:{client_id}",
        "what the user has allowed the client before, and in which session",
        "`refresh_absolute_ttl_s`",
    ),
    KeySpec(
        "count:{kind}:{network}",
        "a counter: how often a network, or all of them, did something that is limited",
        "its window",
        kind="counter",
    ),
    KeySpec("signing-keys", "the signing keys, encrypted under the newest master key", "until deleted"),
    KeySpec(
        "pseudonym-key",
        "the key of subjects that only one sector knows, encrypted under the newest master key; clients know"
        " people by what it makes",
        "until deleted",
    ),
    KeySpec("once:{kind}:{hash}", "nothing: that it exists says it has been used", "as long as it is valid"),
    KeySpec("ping", "nothing: written to learn whether the store accepts writes", "1 s"),
)
