"""The interface of a section of the account page, and the confirmations of its actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.background import BackgroundTask

from auth_service.protocol.parameters import Parameters
from auth_service.users.sessions import Session
from shared.texts import Text


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """The question before an action.

    Attributes:
        about: the subject of the question: a name that somebody else may have chosen.
        effect: the consequences, in full sentences.
        fields: the fields of the form, with the action.
    """

    title: Text
    about: str = ""
    effect: Text
    button: Text
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Done:
    """An action that was performed.

    Attributes:
        message: the key of the message for the person, in `AccountSection.messages`.
        then: work to be done after the response.
    """

    message: str
    then: BackgroundTask | None = None


class AccountSection(Protocol):
    """A section of the account page, with its actions."""

    @property
    def actions(self) -> frozenset[str]:
        """The values of the field `action` that the section handles."""
        ...

    @property
    def messages(self) -> Mapping[str, Text]:
        """The messages that the page shows after its actions, by key."""
        ...

    async def context(self, session: Session, query: Parameters) -> dict[str, Any]:
        """Return the values for the template."""
        ...

    async def confirmation(self, session: Session, query: Parameters) -> Confirmation | None:
        """Return the question before the action in `query`; None if the action has no effect any longer."""
        ...

    async def act(self, session: Session, form: Parameters) -> Done:
        """Perform the action of a form; a repetition has no further effect.

        Raises:
            OAuthError: a field is missing.
        """
        ...
