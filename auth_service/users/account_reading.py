"""An account, read together with other documents."""

from __future__ import annotations

from functools import partial

from auth_service.protocol.usernames import canonical
from auth_service.storage import keys
from auth_service.users.repository import SubjectEntry, User
from shared.storage.json_codec import READ_OFTEN, JsonCodec
from shared.storage.readings import Reading

_users = JsonCodec(User, remembered=READ_OFTEN)
_subjects = JsonCodec(SubjectEntry, remembered=READ_OFTEN)


def account_reading(subject: str, username: str) -> Reading[User | None]:
    """Return how to read the account with that `subject` together with other documents.

    It finds nothing if the account was renamed from `username`; `UserRepository.by_subject` does.
    """
    try:
        key = canonical(username)
    except ValueError:
        return Reading((), lambda: None)
    return Reading((keys.subject(subject), keys.user(key)), partial(_decoded, subject, key))


def _decoded(subject: str, key: str, entry: bytes | None, value: bytes | None) -> User | None:
    if entry is None or value is None:
        return None
    user = _users.decode(value)
    is_current = _subjects.decode(entry).username == key and user.moved_to is None
    return user if is_current and user.subject == subject else None
