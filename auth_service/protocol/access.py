"""The scopes that the access rules give a person at a resource (DESIGN D16, ID-3).

Access says what a person may have; consent says what a client gets of it. A person is named by facts that
nobody else can choose: see `PersonFacts.names`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from auth_service.protocol.grant import Grant
from auth_service.protocol.narrowed_grants import with_scopes
from auth_service.protocol.usernames import canonical
from shared.texts import Text
from shared.uris import resource_key

ALL = "*"
"""Every person, every resource, or every scope."""

DEMO_USERNAME = "wesen"
"""The demo user, whose password is public."""

ADMINISTRATORS = "administrators"
"""The local group that every administrator of this server is in."""

Resources = Mapping[str, frozenset[str]]
"""Maps resources to scopes; either may be `ALL`."""

Joined = Mapping[str, str]
"""Maps the names of mounts that a resource joins to the URLs of their own resources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """The names and groups of a person.

    Attributes:
        subject: the `sub` of the account, or of a person whom a trusted issuer asserts.
        username: None for a person without an account here, and if an identity provider suggested it.
        email: the address of the account, which the operator or a linking provider has proven.
        provider_emails: addresses that providers have verified, as ``provider:address``.
        groups: local groups by their names, groups of providers as ``provider:group``.
        assertion_issuer: the trusted issuer that asserts the person (RFC 7523); None for an account.
    """

    subject: str
    username: str | None = None
    email: str | None = None
    provider_emails: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    assertion_issuer: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """Every name by which rules and local groups may list the person.

        A username never counts as an address or as a subject: people choose their usernames at a provider.
        """
        names = {ALL, f"subject:{self.subject}", *self.provider_emails}
        if self.username is not None and is_username(self.username):
            names.add(canonical(self.username))
        if self.email is not None:
            names.add(self.email)
        if self.assertion_issuer is not None:
            names.add(f"issuer:{self.assertion_issuer}")
        return frozenset(names)


def is_username(name: str) -> bool:
    """Check whether rules read `name` as a username; other accounts are listed by another of their names."""
    return "@" not in name and ":" not in name and name != ALL


@dataclass(frozen=True, slots=True)
class Held:
    """The scopes that a person may hold at one resource.

    Attributes:
        scopes: the scopes, or `ALL`.
        rules: the rules that decided, in words; empty if none applies, and the resource is closed to them.
        mounts: what the person may hold at the own resource of each mount that the resource joins.
    """

    scopes: frozenset[str] = frozenset()
    rules: tuple[str, ...] = ()
    mounts: Mapping[str, Held] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        """Whether the person may connect to the resource."""
        return bool(self.rules)

    def allows(self, scope: str) -> bool:
        """Check whether the person may hold `scope` of the resource.

        A scope of a joined mount, ``MOUNT`` or ``MOUNT:SCOPE``, gives nothing that the rules for the own
        resource of the mount do not give.
        """
        mount, _, own_scope = scope.partition(":")
        if (held := self.mounts.get(mount)) is not None and not held.allows_joined(own_scope):
            return False
        return ALL in self.scopes or scope in self.scopes

    def allows_joined(self, scope: str) -> bool:
        """Check whether another resource may join this one with `scope`; empty: with none of its scopes."""
        return self.anything and (not scope or self.allows(scope))

    def narrowed(self, scopes: Iterable[str], own_scopes: Iterable[str]) -> tuple[str, ...] | None:
        """Return what remains of `scopes`; None if nothing of the resource remains.

        Args:
            own_scopes: those of the authorization server itself, which say who a person is. Access rules do
                not concern them, but they are not a reason to connect to the resource.
        """
        wanted, own = tuple(scopes), frozenset(own_scopes)
        kept = tuple(scope for scope in wanted if scope in own or self.allows(scope))
        had_some = any(scope not in own for scope in wanted)
        if not self.anything or (had_some and all(scope in own for scope in kept)):
            return None
        return kept


OPEN = Held(frozenset({ALL}), (Text("no access rules: everything is open to everybody"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The access rules: groups and people, each with the resources and scopes that they may hold.

    Attributes:
        groups: as in `PersonFacts.groups`.
        people: as in `PersonFacts.names`.
        contact: whom people ask for access.
    """

    groups: Mapping[str, Resources] = field(default_factory=dict)
    people: Mapping[str, Resources] = field(default_factory=dict)
    contact: str | None = None

    def held(self, person: PersonFacts, resource: str, joined: Joined = MappingProxyType({})) -> Held:
        """Return what `person` may hold at `resource`: the union of all rules that apply.

        Args:
            joined: the mounts that the resource joins.
        """
        scopes, rules = set[str](), list[str]()
        for name, resources in self._applying(person):
            for pattern, allowed in resources.items():
                if pattern == ALL or resource_key(pattern) == resource_key(resource):
                    scopes |= allowed
                    rules.append(
                        Text(
                            "%(name)s may hold %(scopes)s at %(url)s",
                            name=name,
                            scopes=" ".join(sorted(allowed)),
                            url=pattern,
                        )
                    )
        mounts = {mount: self.held(person, url) for mount, url in joined.items()}
        return Held(frozenset(scopes), tuple(rules), mounts)

    def groups_named(self, resource: str) -> frozenset[str]:
        """Return the groups named by rules for `resource`; no others concern its resource server."""
        key = resource_key(resource)
        return frozenset(
            group
            for group, resources in self.groups.items()
            if any(pattern == ALL or resource_key(pattern) == key for pattern in resources)
        )

    def _applying(self, person: PersonFacts) -> Iterator[tuple[Text, Resources]]:
        for group in sorted(person.groups & self.groups.keys()):
            yield Text("group %(group)s", group=group), self.groups[group]
        for name in sorted(person.names & self.people.keys()):
            yield _person(name), self.people[name]


def _person(name: str) -> Text:
    return Text("everybody") if name == ALL else Text("person %(name)s", name=name)


def closed_access(*usernames: str) -> Access:
    """Return the rules of a new installation: everything for administrators and `usernames`."""
    everything = {ALL: frozenset({ALL})}
    return Access(
        groups={ADMINISTRATORS: everything}, people={canonical(name): everything for name in usernames}
    )


def default_access(mode: str | None, *, demo_user: str | None) -> Access | None:
    """Return the rules that are in force while none are stored; None for no restriction.

    Args:
        mode: `DOORWARD_ACCESS`.
        demo_user: the name of the demo user, if there is one, who may try everything.
    """
    if mode != "closed":
        return None
    return closed_access(demo_user) if demo_user else closed_access()


def narrowed_grant(grant: Grant, held: Held, own_scopes: Iterable[str]) -> Grant | None:
    """Return the grant with what its person may still hold, and never more; None if nothing remains."""
    own = frozenset(own_scopes)
    scopes = held.narrowed(grant.scopes, own)
    return None if scopes is None else with_scopes(grant, scopes)
