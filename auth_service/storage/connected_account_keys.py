"""The keys of connected accounts: a part of the key schema in `keys`."""

from __future__ import annotations

from shared.storage.key_spec import KeySpec

CONNECTED_ACCOUNTS: tuple[KeySpec, ...] = (
    KeySpec(
        "connected-account:{subject}:{hash of the resource}",
        "the account that a person has connected for a resource: access and refresh token, or an API key,"
        " encrypted under a master key, its version, since when, until when the access token is valid, and"
        " the lease of the process that refreshes it",
        "until disconnected, ended by the provider, or the person's account is deleted; a minute more without"
        " the tokens",
    ),
    KeySpec(
        "subject-connected-accounts:{subject}",
        "the resources for which a person has ever connected an account",
        "until deleted",
        kind="index",
    ),
    KeySpec(
        "ended-tokens:{version}",
        "the tokens of a connected account that has ended, encrypted as they were in it, until its provider"
        " has revoked them or was asked 6 times in vain; for an hour more without the"
        " tokens, so that nothing is revoked twice",
        "at most a day",
    ),
    KeySpec(
        "ended-tokens",
        "the versions of the credentials whose tokens wait for their provider; at most 10000",
        "a day after the last one",
        kind="index",
    ),
    KeySpec(
        "discovered-upstream:{hash of the resource}",
        "the authorization server of an upstream that is discovered: its endpoints, the client as which this"
        " server is registered there, encrypted under a master key; until when one process alone may read"
        " them again, and the last failure",
        "a year after it was last written",
    ),
    KeySpec(
        "connect-link:{hash of the id}",
        "a link for connecting an account: the subject, the resource and the client that it is for, and"
        " whether it was used",
        "10 minutes",
    ),
    KeySpec(
        "connect-link-of:{hash of subject, resource and client}",
        "the id of the link that a person gets; it can be used only by this person, who must be logged in",
        "10 minutes",
    ),
    KeySpec(
        "connect-attempt:{hash of the state}",
        "a browser at the provider of a connected account: its link, a hash of the browser's secret, and what"
        " came of it",
        "10 minutes",
    ),
    KeySpec(
        "disconnections",
        "the credentials that have ended in the last two minutes: subject, resource, version; at most 1000",
        "2 minutes",
    ),
)
