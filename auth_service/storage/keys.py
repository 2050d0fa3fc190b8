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

from auth_service.storage.key_schema import SCHEMA
from shared import base64url
from shared.storage import own_keys
from shared.storage.key_spec import PREFIX, KeySpec

# No colon, which separates parts; no brace, which Redis Cluster reads as a hash tag; no equals sign, which
# begins a hash.
_PLAIN = re.compile(r"[A-Za-z0-9._~@/%+-]{1,200}")
_PLAIN_WITH_COLONS = re.compile(r"[A-Za-z0-9._~@/%+:-]{1,200}")


def schema_table() -> str:
    """Render `SCHEMA` as the Markdown table of `docs/reference/storage.md`."""
    return "\n".join(["| key | kind | holds | kept |", "| --- | --- | --- | --- |", *map(_row, SCHEMA)])


def _row(spec: KeySpec) -> str:
    return f"| `{PREFIX}{spec.pattern}` | {spec.kind} | {spec.value} | {spec.lifetime} |"


def journal(writer: str) -> str:
    """The log of one process's chain of the journal."""
    return f"{PREFIX}journal:{_last(writer)}"


def journal_chains() -> str:
    """The index of the chains of the journal."""
    return f"{PREFIX}journal-chains"


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


def connected_account(subject: str, resource: str) -> str:
    """The key of the account that a person has connected for a resource."""
    return f"{PREFIX}connected-account:{_part(subject)}:{_hash(resource)}"


def subject_connected_accounts(subject: str) -> str:
    """The index of the resources for which a person has connected accounts."""
    return f"{PREFIX}subject-connected-accounts:{_last(subject)}"


def ended_tokens(version: str) -> str:
    """The key of tokens that wait for their provider, from the version of the credential."""
    return f"{PREFIX}ended-tokens:{_last(version)}"


def all_ended_tokens() -> str:
    """The index of the tokens that wait for their provider."""
    return f"{PREFIX}ended-tokens"


def discovered_upstream(resource: str) -> str:
    """The key of what was discovered about the upstream of a resource."""
    return f"{PREFIX}discovered-upstream:{_hash(resource)}"


def connect_link(link_id: str) -> str:
    """The key of a link for connecting an account, from the id in its URL."""
    return f"{PREFIX}connect-link:{_hash(link_id)}"


def connect_link_of(owner: str) -> str:
    """The key of the link that somebody gets, from subject, resource and client as one text."""
    return f"{PREFIX}connect-link-of:{_hash(owner)}"


def connect_attempt(state: str) -> str:
    """The key of a browser at the provider of a connected account, from the `state`."""
    return f"{PREFIX}connect-attempt:{_hash(state)}"


def disconnections() -> str:
    """The key of the credentials that have ended recently."""
    return f"{PREFIX}disconnections"


def call_approval(approval_id: str) -> str:
    """The key of an approval of a call, from the id in its URL."""
    return f"{PREFIX}call-approval:{_hash(approval_id)}"


def call_approval_of(binding: str) -> str:
    """The key of the approval that answers for a call, from the digest that it is bound to."""
    return f"{PREFIX}call-approval-of:{_hash(binding)}"


def pending_approvals(approver: str) -> str:
    """The key of the calls that wait for an approver."""
    return f"{PREFIX}pending-approvals:{_hash(approver)}"


def stops() -> str:
    """The key of the stops."""
    return f"{PREFIX}stops"


def reported_definitions(resource: str) -> str:
    """The key of the pinned and held definitions of a resource."""
    return f"{PREFIX}reported-definitions:{_hash(resource)}"


def approved_definitions() -> str:
    """The key of the definitions that administrators have approved."""
    return f"{PREFIX}approved-definitions"


def access() -> str:
    """The key of the access rules."""
    return f"{PREFIX}access"


def declared_settings() -> str:
    """The key of the settings that a file has declared."""
    return f"{PREFIX}declared-settings"


def groups() -> str:
    """The index of local groups."""
    return f"{PREFIX}groups"


def group_members(group: str) -> str:
    """The index of a local group's members."""
    return f"{PREFIX}group-members:{_last(group)}"


def member_groups(member: str) -> str:
    """The index of the local groups of a member, from the member's name."""
    return f"{PREFIX}member-groups:{_hash(member)}"


def used_names(name: str) -> str:
    """The index of the clients in use whose names look like `name`, a skeleton."""
    return f"{PREFIX}used-names:{_hash(name)}"


def tool_calls(grant_id: str) -> str:
    """The key of the calls of tools under a grant."""
    return f"{PREFIX}tool-calls:{_last(grant_id)}"


def known_browsers(subject: str) -> str:
    """The key of the browsers in which a person has logged in."""
    return f"{PREFIX}known-browsers:{_last(subject)}"


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


def release() -> str:
    """The key of the record of releases."""
    return f"{PREFIX}release"


def restoration() -> str:
    """The key that marks a store as incomplete while a backup is restored into it."""
    return f"{PREFIX}restoration"


def revocation_log() -> str:
    """The index of the keys of what was revoked, in the store of a revocation log."""
    return own_keys.REVOCATION_LOG


def ping() -> str:
    """The key that `Store.ping` writes."""
    return own_keys.PING


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
