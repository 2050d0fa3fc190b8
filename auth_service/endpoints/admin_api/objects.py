"""The objects that paths name, and the errors of operations on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.responses import Response

from auth_service.endpoints.admin_api.requests import AdminRequest
from auth_service.protocol.admin_access import ConflictError, NotThereError
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import NoSuchUserError, User, UserExistsError, UserRepository
from auth_service.web.http import json_response


async def person_of(users: UserRepository, admin: AdminRequest) -> User:
    """Return the account that the path names by its subject, which is never given to another account.

    Raises:
        NotThereError: it does not exist.
    """
    user = await users.by_subject(admin.path("subject"))
    if user is None:
        raise not_there("account")
    return user


def not_there(what: str) -> NotThereError:
    """Return the error for an object that does not exist."""
    return NotThereError(Reason.ADMIN_OBJECT_UNKNOWN, f"there is no such {what}")


def page(name: str, items: list[Any], after: str | None) -> Response:
    """Return a part of a list, with the cursor of the rest."""
    return json_response({name: items, **({"next": after} if after else {})})


@contextmanager
def conflicts() -> Iterator[None]:
    """Turn the errors of operations into responses.

    Raises:
        ConflictError: a name is taken.
        InvalidRequestError: a value is not allowed.
        NotThereError: the account was deleted in the meantime.
    """
    try:
        yield
    except UserExistsError as error:
        raise ConflictError(Reason.ADMIN_CONFLICT, "the username is taken") from error
    except NoSuchUserError as error:
        raise not_there("account") from error
    except ValueError as error:
        raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, str(error)) from error
