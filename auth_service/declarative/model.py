"""The declared and the current configuration, and the changes between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from auth_service.declarative.sealed import SealedValues
from auth_service.declarative.setting_kinds import KINDS
from auth_service.declarative.stored_settings import DeclaredSetting
from auth_service.federation.identities import Identity
from auth_service.protocol.access import Access
from auth_service.protocol.client import Client
from auth_service.protocol.factors import Factors
from auth_service.users.repository import User

T = TypeVar("T")
Action = Literal["add", "change", "remove"]
SECTIONS = ("people", "groups", "access", "clients", *KINDS, "pairwise_subjects")


class InvalidDocumentError(ValueError):
    """The file is not valid, or cannot be applied.

    Attributes:
        problems: one sentence for each problem.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredPerson:
    """A person in the file. None is left as it is; an empty name or address is removed.

    Attributes:
        provider_username: see `User`.
        identities: connected if they are not yet; others stay.
        factors: given to an account without second factors.
    """

    username: str
    subject: str | None = None
    name: str | None = None
    email: str | None = None
    admin: bool | None = None
    disabled: bool | None = None
    accepts_links: bool | None = None
    provider_username: str | None = None
    password_hash: str | None = None
    identities: tuple[Identity, ...] = ()
    factors: Factors | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredClient:
    """A client in the file.

    Attributes:
        metadata: only the members that the file names; an empty one is removed.
        secret_hash: SHA-256 of the secret; None to leave it as it is.
        disabled: None to leave it as it is.
    """

    metadata: dict[str, Any]
    secret_hash: str | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingEntry:
    """A setting in the file. It replaces the one with its id, except for a secret that the file omits.

    Attributes:
        configuration: see `SettingKind.canonical`.
        secret: None to leave it as it is; empty to remove it.
        secret_from: where the secret was read: `env:NAME` or `file:PATH`.
    """

    configuration: dict[str, Any]
    secret: str | None = field(default=None, repr=False)
    secret_from: str | None = None


@dataclass(frozen=True, slots=True)
class Section(Generic[T]):
    """The entries of a section, by name.

    Attributes:
        prune: whether what is not named is removed.
    """

    entries: Mapping[str, T]
    prune: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The parsed file. A section that is None is left as it is.

    Attributes:
        people: by canonical username.
        groups: the members of local groups, in the form in which names are compared.
        clients: by client_id.
        settings: the declared settings by section.
        pairwise_key: the encrypted key of pairwise subjects.
    """

    people: Section[DeclaredPerson] | None = None
    groups: Section[frozenset[str]] | None = None
    access: Section[Access] | None = None
    clients: Section[DeclaredClient] | None = None
    settings: Mapping[str, Section[SettingEntry]] = field(default_factory=dict)
    pairwise_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The current state, as `Document`.

    Attributes:
        access: None if there are no rules.
        access_version: 0 if the rules are not stored, but follow from the settings.
        access_declared: see `CurrentAccess`.
        clients: every client, those that registered themselves among them.
        settings: by section and id.
        can_seal: whether the secrets of settings can be stored.
        identities: of each account with some, by its subject; oldest first.
        factors: of each account with some, by its subject.
        pairwise_key: the encrypted key of pairwise subjects; None before the first start.
        sealed: opens encrypted values.
    """

    people: Mapping[str, User] = field(default_factory=dict)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    access: Access | None = None
    access_version: int = 0
    access_declared: frozenset[str] = frozenset()
    clients: Mapping[str, Client] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, DeclaredSetting]] = field(default_factory=dict)
    can_seal: bool = False
    identities: Mapping[str, tuple[Identity, ...]] = field(default_factory=dict)
    factors: Mapping[str, Factors] = field(default_factory=dict)
    pairwise_key: str | None = None
    sealed: SealedValues = field(default_factory=lambda: SealedValues(None), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change.

    Attributes:
        details: one line for each difference, without secrets.
    """

    action: Action
    name: str
    details: tuple[str, ...] = ()

    @property
    def logged(self) -> list[str]:
        """Return what the log says of the change: names and addresses of people stay out of it."""
        return [detail.partition(":")[0] for detail in self.details]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChange(Change):
    """A change of an account.

    Attributes:
        account: the account as it is; None for a new one.
        person: only the values that change; None to delete the account.
    """

    account: User | None
    person: DeclaredPerson | None
    section = "people"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange(Change):
    """A change of the members of a local group."""

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    section = "groups"

    @property
    def logged(self) -> list[str]:
        """Return who joins and who leaves; members are named as the operator does."""
        return list(self.details)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChange(Change):
    """A change of the access rules.

    Attributes:
        access: the rules afterwards.
        version: that of the rules before.
        declared: the ids of the rules that files have set.
    """

    access: Access
    version: int
    declared: frozenset[str] = frozenset()
    section = "access"

    @property
    def logged(self) -> list[str]:
        """Return the rules that change; they name people as the operator does."""
        return list(self.details)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientChange(Change):
    """A change of a client.

    Attributes:
        metadata: all of it, afterwards; None to remove the client.
        secret_hash: None to leave the secret as it is.
        disabled: None to leave it as it is.
    """

    metadata: dict[str, Any] | None = None
    secret_hash: str | None = None
    disabled: bool | None = None
    section = "clients"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange(Change):
    """A change of a declared setting.

    Attributes:
        after: None to remove the setting.
    """

    section: str
    before: DeclaredSetting | None = None
    after: DeclaredSetting | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairwiseChange(Change):
    """The replacement of the key of pairwise subjects.

    Attributes:
        sealed: the encrypted key.
        before: that of now; None before the first start.
    """

    sealed: str = field(repr=False)
    before: str | None = field(repr=False)
    section = "pairwise_subjects"


AnyChange = PersonChange | GroupChange | AccessChange | ClientChange | SettingChange | PairwiseChange
