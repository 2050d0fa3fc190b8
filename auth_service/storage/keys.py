"""Every key of the store: its name, its content, its lifetime. `docs/reference/storage.md` shows this table.

Parts of a key may come from anyone, such as a client id in a query or a user name typed into a form. A part
that is not short and plain is replaced by its hash, so that no text can reach into another family of keys,
steer a Redis Cluster slot, or grow a key without bound. Authenticating values (the secret of a session, the
id of a pending request) are always hashed: a dump of the store lets nobody log in.
"""

from __future__ import annotations

import hashlib
import json
import re

from auth_service.storage.federation_keys import IDENTITY_PROVIDERS
from auth_service.storage.key_spec import KeySpec
from shared import base64url

PREFIX = "doorward:"

# No colon, which separates parts; no brace, which Redis Cluster reads as a hash tag; no equals sign, which
# begins a hash.
_PLAIN = re.compile(r"[A-Za-z0-9._~@/%+-]{1,200}")
_PLAIN_WITH_COLONS = re.compile(r"[A-Za-z0-9._~@/%+:-]{1,200}")


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


def schema_table() -> str:
    """Render `SCHEMA` as the Markdown table of `docs/reference/storage.md`."""
    return "\n".join(["| key | kind | holds | kept |", "| --- | --- | --- | --- |", *map(_row, SCHEMA)])


def _row(spec: KeySpec) -> str:
    return f"| `{PREFIX}{spec.pattern}` | {spec.kind} | {spec.value} | {spec.lifetime} |"


def client(client_id: str) -> str:
    """The key of a registered client, or of a client whose id is the URL of its metadata document."""
    return f"{PREFIX}client:{_last(client_id)}"


def initial_access_token(token_hash: str) -> str:
    """The key of an initial access token, from its digest."""
    return f"{PREFIX}initial-access-token:{_hash(token_hash)}"


def initial_access_tokens() -> str:
    """The index of initial access tokens, by their digests."""
    return f"{PREFIX}initial-access-tokens"


def clients() -> str:
    """The index of registered clients."""
    return f"{PREFIX}clients"


def unused_clients() -> str:
    """The index of clients that registered and were never granted anything."""
    return f"{PREFIX}clients:unused"


def client_grants(client_id: str) -> str:
    """The index of a client's grants."""
    return f"{PREFIX}client-grants:{_last(client_id)}"


def grant(grant_id: str) -> str:
    """The key of a grant. The grant id is not a secret: it is in every token, under a MAC."""
    return f"{PREFIX}grant:{_last(grant_id)}"


def subject_grants(subject: str) -> str:
    """The index of the grants that a subject has given."""
    return f"{PREFIX}subject-grants:{_last(subject)}"


def user(username: str) -> str:
    """The key of a user, from the normalized user name."""
    return f"{PREFIX}user:{_last(username)}"


def users() -> str:
    """The index of user names."""
    return f"{PREFIX}users"


def subject(subject: str) -> str:
    """The key that maps a subject to the user's name."""
    return f"{PREFIX}subject:{_last(subject)}"


def email(address: str) -> str:
    """The key that maps a verified e-mail address, in lower case, to the user's name."""
    return f"{PREFIX}email:{_hash(address)}"


def identity(name: str) -> str:
    """The key of an identity, from its issuer and `sub` as one text."""
    return f"{PREFIX}identity:{_hash(name)}"


def subject_identities(subject: str) -> str:
    """The index of a subject's identities."""
    return f"{PREFIX}subject-identities:{_last(subject)}"


def provider_session(name: str) -> str:
    """The index of the accounts in a provider's session, from issuer and `sid` as one text."""
    return f"{PREFIX}provider-session:{_hash(name)}"


def provider_id_token(name: str) -> str:
    """The key of a provider's ID token, from subject, provider and `sid` as one text."""
    return f"{PREFIX}provider-id-token:{_hash(name)}"


def logout_return(state: str) -> str:
    """The key of a logout at an identity provider, from its `state`."""
    return f"{PREFIX}logout-return:{_hash(state)}"


def federated_login(state: str) -> str:
    """The key of a login through an identity provider, from its `state`."""
    return f"{PREFIX}federated-login:{_hash(state)}"


def upstream_credential(subject: str, provider_id: str) -> str:
    """The key of the refresh token that a provider issued for an account."""
    return f"{PREFIX}upstream-credential:{_part(subject)}:{_last(provider_id)}"


def access() -> str:
    """The key of the access rules."""
    return f"{PREFIX}access"


def groups() -> str:
    """The index of local groups."""
    return f"{PREFIX}groups"


def group_members(group: str) -> str:
    """The index of a local group's members."""
    return f"{PREFIX}group-members:{_last(group)}"


def member_groups(member: str) -> str:
    """The index of the local groups of a member, from the member's name."""
    return f"{PREFIX}member-groups:{_hash(member)}"


def factors(subject: str) -> str:
    """The key of the second factors of a subject's account."""
    return f"{PREFIX}factors:{_last(subject)}"


def second_step(step_id: str) -> str:
    """The key of a login that waits for its second factor, from the id in its URL."""
    return f"{PREFIX}second-step:{_hash(step_id)}"


def passkey_challenge(challenge: str) -> str:
    """The key of a challenge that was answered."""
    return f"{PREFIX}passkey-challenge:{_hash(challenge)}"


def session(secret: str) -> str:
    """The key of a session, from the secret in the browser's cookie."""
    return f"{PREFIX}session:{_hash(secret)}"


def subject_sessions(subject: str) -> str:
    """The index of a subject's sessions."""
    return f"{PREFIX}subject-sessions:{_last(subject)}"


def pending(request_id: str) -> str:
    """The key of a pending authorization request, from the id in its URL."""
    return f"{PREFIX}pending:{_hash(request_id)}"


def submission(name: str) -> str:
    """The key of a posted form, from the digest of its fields and the browser's secret."""
    return f"{PREFIX}submission:{_hash(name)}"


def pushed(name_hash: str) -> str:
    """The key of a pushed authorization request, from the digest of its name."""
    return f"{PREFIX}pushed:{_hash(name_hash)}"


def device(code_hash: str) -> str:
    """The key of a device request, from the digest of the device code."""
    return f"{PREFIX}device:{_hash(code_hash)}"


def user_code(code: str) -> str:
    """The key that maps a user code to the device request."""
    return f"{PREFIX}user-code:{_last(code)}"


def consent(subject: str, client_id: str) -> str:
    """The key of the consent of a subject to a client."""
    return f"{PREFIX}consent:{_part(subject)}:{_last(client_id)}"


def count(kind: str, network: str) -> str:
    """The key of a counter: `kind` is what is counted, `network` its source (``192.0.2.1/32``)."""
    return f"{PREFIX}count:{_part(kind)}:{_last(network)}"


def signing_keys() -> str:
    """The key of the signing keys."""
    return f"{PREFIX}signing-keys"


def pseudonym_key() -> str:
    """The key of the encryption key for pairwise subjects."""
    return f"{PREFIX}pseudonym-key"


def once(kind: str, *parts: str) -> str:
    """The key for `Store.put_once`: `kind` may happen once for each `parts` (such as issuer and jti)."""
    return f"{PREFIX}once:{_part(kind)}:{_hash(json.dumps(parts))}"


def ping() -> str:
    """The key that `Store.ping` writes."""
    return f"{PREFIX}ping"


def revocations() -> str:
    """The channel that announces the ends of grants, and heartbeats."""
    return f"{PREFIX}revocations"


def _part(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else f"={_hash(text)}"


def _last(text: str) -> str:
    return text if _PLAIN_WITH_COLONS.fullmatch(text) else f"={_hash(text)}"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
    return base64url.encode(digest)
