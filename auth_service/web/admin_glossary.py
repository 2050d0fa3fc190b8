"""Descriptions of the members of JSON bodies of the admin API."""

from __future__ import annotations

ADMIN_WORDS = {
    # People
    "people": "Accounts; in access rules, people with what they may hold.",
    "next": "The cursor of the rest of the list; left out at its end.",
    "subject": "The account, by an id that never changes and is never given to another one.",
    "email": "The address that the operator or a linking identity provider has proven.",
    "administrator": "Whether the person may administer this server.",
    "disabled": "Whether it is disabled: no login, no tokens.",
    "invited": "Whether the person has not set a first password yet.",
    "has_password": "Whether the person can log in with a password.",
    "second_factors": "The number of second factors.",
    "link": "The one-time link by which the person sets a password.",
    "hours": "For how many hours the link is valid, at most 168.",
    "lock": "Whether the password, second factors, passkeys and connections end now.",
    "authenticated_at": "When the administrator logged in, or the client authenticated (seconds since 1970).",
    # The journal
    "events": "Events; the journal's documentation describes their other members.",
    "event": "The event.",
    "story": "The events around it, itself included: how the connection began, then oldest first.",
    "more": "Whether the grant has older events than those.",
    # Connections
    "grants": "The active grants.",
    "grant_id": "The grant; not a secret.",
    "resource": "The resource of the tokens, of an access rule, or at which a tool is stopped.",
    "scopes": "The scopes granted, or allowed by an access rule; there, `*` for all.",
    "created_at": "Seconds since 1970.",
    "last_used_at": "When its tokens were last used (seconds since 1970).",
    "sessions": "The login sessions.",
    "session_id": "The session; not a secret.",
    "logged_in_at": "Seconds since 1970.",
    "last_seen_at": "When the browser was last seen (seconds since 1970).",
    "expires_at": "Seconds since 1970.",
    "methods": "How the person logged in (RFC 8176).",
    "network": "The network of the login.",
    "browser": "The browser of the login.",
    # Access
    "groups": "Local groups; in access rules, groups with what they may hold.",
    "members": "The names of the members, as in access rules.",
    "rules": "Access rules, or those that decided, in words.",
    "rule_id": "The rule; stays the same when its scopes change.",
    "group": "The group that the rule is for; left out if it is for a person.",
    "person": "The person whom the rule is for, by a name that access rules know; `*` for everybody.",
    "source": "Where the rule comes from: `store`, `file` (set by `doorward apply`) or `settings`.",
    "closes": "Confirms that the first rule closes everything that no rule grants.",
    "contact": "Whom people ask for access.",
    # Names in the examples of access rules
    "ops": "A group.",
    "ada": "A person.",
    "https://mcp.example/mcp": "The scopes at this resource; `*` for all.",
    # Stops
    "stops": "What is stopped.",
    "stop_id": "Names the stop in the paths of this API; depends on kind, name and resource.",
    "kind": "`tool`, `mount`, `client`, `software` or `person`.",
    "reason": "A sentence for those who are refused, at most 200 characters.",
    "by": "The administrator, client or operator who did it.",
    "at": "Seconds since 1970.",
    # Definitions
    "pinned_resources": "The resources of this server, with their definitions.",
    "reported_at": "The last report of a resource server, in seconds since 1970; left out after an hour.",
    "definition_id": "Names exactly these contents in the paths of this API.",
    # Clients
    "clients": "The clients.",
    "path": "Names the client in the paths of this API.",
    "operators": "Whether the operator created it; others registered themselves or have a document.",
    "used_at": "When it was last granted something (seconds since 1970).",
    "metadata": "Its client metadata (RFC 7591 §2).",
    "previous_secret_expires_in": "For how many seconds the previous secret still works.",
}
