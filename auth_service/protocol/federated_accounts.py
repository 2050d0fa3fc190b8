"""Which account a person from an identity provider gets, if any (ID-2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.protocol.identity_providers import IdentityProvider


class Step(Enum):
    """The action for an identity."""

    LOG_IN = "the identity has an account"
    CREATE = "it gets a new one"
    LINK = "it is connected to the account that has its e-mail address"
    REFUSE = "nobody is logged in"


class Refusal(Enum):
    """The reason for refusing a login; the value is for the log."""

    NOT_ALLOWED = "the allow list of the provider does not include the person"
    GROUPS_UNKNOWN = "the provider did not send the groups of the person"
    LOG_IN_FIRST = "an account has this e-mail address, and only its owner can connect it"
    TAKEN = "the identity is connected to another account"
    NO_NAME = "every username that fits is taken"


@dataclass(frozen=True, slots=True)
class Decision:
    """A step, and the reason if it is a refusal."""

    step: Step
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class EmailOwner:
    """The account that has an e-mail address.

    Attributes:
        issuers: the issuers of the identities connected to the account.
        accepts_links: whether identities may be connected by the address; not after one was disconnected.
    """

    subject: str
    admin: bool
    issuers: frozenset[str] = frozenset()
    accepts_links: bool = True


def decide(
    identity: FederatedIdentity, provider: IdentityProvider, *, has_account: bool, owner: EmailOwner | None
) -> Decision:
    """Decide what to do with a verified identity.

    Args:
        has_account: whether the identity already has an account.
        owner: the account that has the identity's verified e-mail address.
    """
    refusal = allow_list_refusal(identity, provider)
    if refusal is not None:
        return Decision(Step.REFUSE, refusal)
    if has_account:
        return Decision(Step.LOG_IN)
    if owner is None:
        return Decision(Step.CREATE)
    # The operator of the provider could take over any linked account, so administrators are never linked. And
    # if the account already has an identity of this provider, the address was reassigned there since.
    silent = owner.accepts_links and not owner.admin and identity.issuer not in owner.issuers
    if provider.links_email and silent:
        return Decision(Step.LINK)
    return Decision(Step.REFUSE, Refusal.LOG_IN_FIRST)


def allow_list_refusal(identity: FederatedIdentity, provider: IdentityProvider) -> Refusal | None:
    """Return why the allow list refuses the identity; None if it allows it."""
    allow = provider.allow
    subjects = {identity.subject, *identity.other_subjects}
    if allow.everyone or identity.domain in allow.domains or not allow.subjects.isdisjoint(subjects):
        return None
    if allow.groups and identity.groups is None:
        return Refusal.GROUPS_UNKNOWN
    if not allow.groups.isdisjoint(identity.groups or ()):
        return None
    return Refusal.NOT_ALLOWED
