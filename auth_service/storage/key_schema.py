"""The families of keys in the store: content and lifetime. `docs/reference/storage.md` shows this table."""

from __future__ import annotations

from auth_service.storage.call_approval_keys import CALL_APPROVALS
from auth_service.storage.connected_account_keys import CONNECTED_ACCOUNTS
from auth_service.storage.federation_keys import IDENTITY_PROVIDERS
from shared.storage.key_spec import KeySpec

SCHEMA: tuple[KeySpec, ...] = (
    KeySpec(
        "client:{client_id}",
        "a client: its metadata, last use, and whether it is disabled; for a registered client, the SHA-256"
        " of its secrets and of its registration access token; for a metadata document, its expiry",
        "a registered client: a day, unless used; a document: while it is fresh, and `pending_ttl_s` longer;"
        " a client with grants: a day longer than its grants",
    ),
    KeySpec(
        "initial-access-token:{hash}",
        "an initial access token: the number of registrations left, its creation and its creator",
        "until it expires",
    ),
    KeySpec(
        "initial-access-tokens", "digests of the initial access tokens", "as long as the token", kind="index"
    ),
    KeySpec(
        "clients",
        "ids of the registered clients, and of clients with a metadata document and a grant",
        "as long as the client",
        kind="index",
    ),
    KeySpec(
        "clients:unused",
        "clients without any grant that registered themselves or have a metadata document, each with the"
        " network that registered it: at most `unused_clients_percent` of `max_clients`",
        "a day, or as long as the document; until the first grant",
        kind="index",
    ),
    KeySpec(
        "client-grants:{client_id}",
        "ids of the client's grants",
        "until the grant is revoked, at most `refresh_absolute_ttl_s`",
        kind="index",
    ),
    KeySpec(
        "grant:{grant_id}",
        "a grant: subject, client, scopes, resource, state, generation and since when it is unconfirmed,"
        " session, network and browser of the consent, last use (to within 5 minutes)",
        "10 minutes before the code is redeemed; then until 10 minutes after its last token expires, at most"
        " `refresh_absolute_ttl_s` later",
    ),
    KeySpec(
        "used-names:{hash of the name's skeleton}",
        "ids of at most 20 clients in use whose names look the same, each with a hash of its redirect hosts",
        "180 days after the last consent, or until the client is deleted",
        kind="index",
    ),
    KeySpec(
        "tool-calls:{grant_id}",
        "how often which tool was called under a grant in the last seven days, at most 20 by name a day",
        "8 days, or until the grant ends",
    ),
    KeySpec(
        "subject-grants:{subject}",
        "ids of the subject's grants",
        "until the grant is revoked, at most `refresh_absolute_ttl_s`",
        kind="index",
    ),
    KeySpec(
        "user:{username}",
        "a user: subject, name, password hash, verified and unverified e-mail address, state, whether an"
        " administrator, which consents are valid",
        "until deleted",
    ),
    KeySpec("users", "the names of all users", "until deleted", kind="index"),
    KeySpec("subject:{subject}", "the name of the user with this subject", "until deleted"),
    KeySpec(
        "email:{hash of the address}",
        "the name of the user with a verified e-mail address: set by the operator, or verified by a provider",
        "until changed",
    ),
    *IDENTITY_PROVIDERS,
    *CONNECTED_ACCOUNTS,
    *CALL_APPROVALS,
    KeySpec(
        "stops",
        "tools, mounts, clients and people that are stopped: by whom, since when, and why",
        "until deleted",
    ),
    KeySpec(
        "reported-definitions:{hash of the resource}",
        "the definitions of tools that resource servers have pinned and hold for a resource: names, digests,"
        " and what differs from what is approved",
        "1 hour after the last report",
    ),
    KeySpec(
        "approved-definitions",
        "the definitions of tools that administrators have approved, by their digests: by whom, and when",
        "until deleted",
    ),
    KeySpec(
        "access",
        "the access rules and their version: which groups and people may have which scopes at which resource",
        "until deleted",
    ),
    KeySpec(
        "declared-settings",
        "the identity providers and resource servers that a file has declared, their secrets encrypted"
        " under a master key",
        "until deleted",
    ),
    KeySpec("groups", "the names of the local groups with members", "until deleted", kind="index"),
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
        "a login that waits for its second factor: the account, the browser it is bound to, the page to"
        " continue at, encrypted under the newest master key",
        "10 minutes",
    ),
    KeySpec(
        "passkey-challenge:{hash of the challenge}",
        "a used challenge, and the form that used it",
        "10 minutes",
    ),
    KeySpec(
        "session:{hash of the session's secret}",
        "a login session: user, login time and method, network and browser, last use (to within 5 minutes)",
        "`session_ttl_s`",
    ),
    KeySpec(
        "subject-sessions:{subject}",
        "the digests of the secrets of the subject's sessions",
        "as long as the session",
        kind="index",
    ),
    KeySpec(
        "pending:{hash of the request's id}",
        "an authorization request that waits for login or consent, and the browser it is bound to",
        "`pending_ttl_s`; a minute once it is completed, so that a second click gets the same response",
    ),
    KeySpec(
        "submission:{hash}",
        "a submitted form: the page it led to, and the input from which its new secret is derived",
        "a minute, in the console an hour, so that a second click gets the same response",
    ),
    KeySpec(
        "pushed:{hash of the request's name}",
        "a pushed authorization request: its client and parameters",
        "90 s; `pending_ttl_s` once a browser has opened it; or until it is completed",
    ),
    KeySpec(
        "device:{hash of the device code}",
        "a device request: client, scopes, resource and the decision of the user",
        "11 minutes: in the last one, the device gets expired_token",
    ),
    KeySpec("user-code:{user_code}", "the device request with this user code", "10 minutes"),
    KeySpec(
        "consent:{subject}:{client_id}",
        "the previous consent of the user for the client, and its session",
        "`refresh_absolute_ttl_s`",
    ),
    KeySpec(
        "count:{kind}:{network}",
        "the number of rate-limited attempts of a network, or of all networks; how many registrations of a"
        " network were used; how many people use a client",
        "its window; 30 days; 180 days",
        kind="counter",
    ),
    KeySpec("signing-keys", "the signing keys, encrypted under the newest master key", "until deleted"),
    KeySpec(
        "pseudonym-key",
        "the key from which pairwise subjects are derived, encrypted under the newest master key",
        "until deleted",
    ),
    KeySpec(
        "journal:{chain}",
        "the events of one process, in one or more lines of JSON for each write; those older than"
        " `journal_retention_days`, and the oldest beyond `journal_retention_bytes` or a third of the"
        " memory of Redis, are removed",
        "until deleted",
        kind="log",
    ),
    KeySpec("journal-chains", "the names of the chains of the journal", "until deleted", kind="index"),
    KeySpec(
        "once:{kind}:{hash}",
        "empty: marks a single-use value as used, or a person as counted among those who use a client",
        "as long as the value is valid; 180 days",
    ),
    KeySpec(
        "release",
        "the newest release that has used the store, what it writes and reads, and whether the upgrade to it"
        " is confirmed",
        "until deleted",
    ),
    KeySpec("restoration", "empty: a restore is under way, or was interrupted", "until it is complete"),
    KeySpec(
        "revocation-log",
        "keys of the grants, sessions and clients that were revoked; in the store that"
        " `DOORWARD_REVOCATION_LOG` names",
        "until the document would have expired",
        kind="index",
    ),
    KeySpec("ping", "empty: written to check that the store accepts writes", "1 s"),
)
