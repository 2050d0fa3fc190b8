"""Turns the errors of operations into what the administrator reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from auth_service.administration.people import OwnAccountError
from auth_service.pages.console.sections import NotThereError
from auth_service.pages.current_password import NotDoneError
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import NoSuchUserError, UserExistsError
from shared.texts import Text, message_of, sentence_of


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the errors of operations on accounts and groups into pages.

    Raises:
        NotDoneError: a value is not allowed, or a name is taken.
        NotThereError: the account was deleted in the meantime.
    """
    try:
        yield
    except UserExistsError as error:
        raise NotDoneError(Text("This username is taken."), 409, Reason.ADMIN_CONFLICT) from error
    except NoSuchUserError as error:
        raise NotThereError from error
    except ValueError as error:
        raise NotDoneError(sentence_of(message_of(error)), 400, Reason.FORM_FIELD_INVALID) from error
    except OwnAccountError as error:
        raise NotDoneError(sentence_of(message_of(error)), error.status, error.reason) from error
