"""The second factors of an account as one document, and the rules by which it changes (ID-5).

Each rule takes the document and returns its next state (None: unchanged) and a result. Codes and recovery
codes count once: each is spent by replacing the document, so that one of many concurrent attempts succeeds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from shared.texts import Text

MAX_PASSKEYS = 20
MAX_NOTICES = 20
NOTICE_S = 30 * 86_400
"""How long a notice about a change is shown, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A WebAuthn credential. Times are seconds since 1970.

    Attributes:
        credential_id: base64url; `public_key` likewise, in COSE form.
        name: chosen by the person.
        used_at: 0 if it was never used.
        cloned_at: when its signature counter revealed a copy (WebAuthn §6.1.1); 0 for never.
        alone: whether it has sufficed for a login by itself. Before, that is not known: not every one
            verifies the person, or is found without a username.
    """

    credential_id: str
    public_key: str
    name: str
    added_at: int
    sign_count: int = 0
    used_at: int = 0
    cloned_at: int = 0
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorApp:
    """An app that shows time-based codes (RFC 6238).

    Attributes:
        sealed: the secret, encrypted under a master key.
        last_step: the time step of the last accepted code. No code of it or of an earlier step counts again
            (RFC 6238 §5.2).
    """

    sealed: str
    added_at: int
    last_step: int = 0
    used_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A change of the factors, for the person to see.

    Attributes:
        text: what happened, as the beginning of a sentence.
        network: where the change came from; empty for an administrator's command.
        name: the value of ``%(name)s`` in `text`; empty if `text` has none.
    """

    text: str
    at: int
    network: str = ""
    name: str = ""

    @classmethod
    def of(cls, text: Text, *, at: int, network: str = "") -> Notice:
        """Return the notice that shows `text`."""
        return cls(text=text.message, at=at, network=network, name=str(text.values.get("name", "")))

    @property
    def shown_text(self) -> Text:
        """The text, in the language of the page."""
        return Text(self.text, name=self.name) if self.name else Text(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """The second factors of one account.

    Attributes:
        recovery_codes: digests of the unused recovery codes.
        accepted: the mark of the submission that was accepted last. A form posted twice is accepted twice,
            though its code counts once (ID-10).
        notices: the latest changes, newest first.
    """

    app: AuthenticatorApp | None = None
    passkeys: tuple[Passkey, ...] = ()
    recovery_codes: tuple[str, ...] = ()
    recovery_codes_at: int = 0
    accepted: str = ""
    notices: tuple[Notice, ...] = ()

    @property
    def count(self) -> int:
        """The number of second factors, without recovery codes, which only replace one."""
        return len(self.passkeys) + (self.app is not None)

    @property
    def has_login(self) -> bool:
        """Whether a passkey is known to suffice for a login by itself."""
        return any(key.alone and not key.cloned_at for key in self.passkeys)

    def passkey(self, credential_id: str) -> Passkey | None:
        """Return the passkey with that id."""
        return next((key for key in self.passkeys if key.credential_id == credential_id), None)

    def added_since(self, moment: int) -> tuple[tuple[str, int], ...]:
        """Return what was added after `moment`, with the time; passkeys by their names, "" for the app."""
        keys = tuple((key.name, key.added_at) for key in self.passkeys if key.added_at > moment)
        app = self.app if self.app is not None and self.app.added_at > moment else None
        return (*keys, *((("", app.added_at),) if app else ()))

    def recent_notices(self, now: int) -> tuple[Notice, ...]:
        """Return the changes to show to the person."""
        return tuple(notice for notice in self.notices if now - notice.at < NOTICE_S)


class Refused(Enum):
    """The reason for refusing a change; the value is shown to the person."""

    TAKEN = Text("This passkey has already been added.")
    FULL = Text("You can have at most %(count)s passkeys. Remove one first.", count=MAX_PASSKEYS)
    ONLY_WAY = Text("This passkey is your only way to log in. Set a password or add another one first.")
    LAST = Text("This is your last second factor, and this server requires one. Add another first.")
    THERE = Text("Your account already has an authenticator app. Remove it first.")

    @property
    def text(self) -> Text:
        """The reason, for a page."""
        return self.value


class Assertion(Enum):
    """The result of a login with a passkey whose signature is valid."""

    ACCEPTED = "accepted"
    UNKNOWN = "the passkey does not belong to the account"
    CLONED = "the signature counter went backwards: the passkey was copied"


def with_notice(factors: Factors, notice: Notice) -> Factors:
    """Return the factors with a notice for the person."""
    return replace(factors, notices=(notice, *factors.notices)[:MAX_NOTICES])


def accept_code(factors: Factors, step: int | None, *, mark: str, now: int) -> tuple[Factors | None, bool]:
    """Accept the code of a time step, once.

    Args:
        step: the time step whose code was entered; None if the code is wrong.
        mark: identifies the submission.
    """
    if factors.accepted == mark:
        return None, True
    if factors.app is None or step is None or step <= factors.app.last_step:
        return None, False
    app = replace(factors.app, last_step=step, used_at=now)
    return replace(factors, app=app, accepted=mark), True


def accept_recovery_code(factors: Factors, hashed: str, *, mark: str) -> tuple[Factors | None, bool]:
    """Accept a recovery code, once."""
    if factors.accepted == mark:
        return None, True
    # Without a second factor there is nothing to recover.
    if not factors.count or hashed not in factors.recovery_codes:
        return None, False
    left = tuple(kept for kept in factors.recovery_codes if kept != hashed)
    return replace(factors, recovery_codes=left, accepted=mark), True


def accept_assertion(
    factors: Factors, credential_id: str, sign_count: int, *, mark: str, now: int, alone: bool = False
) -> tuple[Factors | None, Assertion]:
    """Accept a verified assertion of a passkey, and store its signature counter (WebAuthn §7.2 step 22).

    Args:
        alone: whether it was a login with only the passkey.
    """
    key = factors.passkey(credential_id)
    if key is None:
        return None, Assertion.UNKNOWN
    if factors.accepted == mark:
        return None, Assertion.ACCEPTED
    if key.cloned_at:
        return None, Assertion.CLONED
    # A passkey that is synchronized between devices has no counter and always sends 0.
    if (sign_count or key.sign_count) and sign_count <= key.sign_count:
        marked = _with_passkey(factors, replace(key, cloned_at=now))
        text = f"The passkey “{key.name}” was blocked, because a copy of it was used"
        return with_notice(marked, Notice(text=text, at=now)), Assertion.CLONED
    used = _with_passkey(factors, replace(key, sign_count=sign_count, used_at=now, alone=key.alone or alone))
    return replace(used, accepted=mark), Assertion.ACCEPTED


def add_app(factors: Factors, app: AuthenticatorApp, *, mark: str) -> tuple[Factors | None, Refused | None]:
    """Add an authenticator app."""
    if factors.accepted == mark:
        return None, None
    if factors.app is not None:
        return None, Refused.THERE
    return replace(factors, app=app, accepted=mark), None


def add_passkey(factors: Factors, key: Passkey, *, mark: str) -> tuple[Factors | None, Refused | None]:
    """Add a passkey."""
    if factors.accepted == mark:
        return None, None
    if factors.passkey(key.credential_id) is not None:
        return None, Refused.TAKEN
    if len(factors.passkeys) >= MAX_PASSKEYS:
        return None, Refused.FULL
    return replace(factors, passkeys=(*factors.passkeys, key), accepted=mark), None


def remove_app(factors: Factors, *, required: bool) -> tuple[Factors | None, Refused | None]:
    """Remove the authenticator app, unless it is the last second factor and one is `required`."""
    if factors.app is None:
        return None, None
    return _removed(replace(factors, app=None), required=required)


def remove_passkey(
    factors: Factors, credential_id: str, *, required: bool, only_way: bool = False
) -> tuple[Factors | None, Refused | None]:
    """Remove a passkey, unless it is the last second factor and one is `required`.

    Args:
        only_way: whether passkeys are the only way to log in; one that suffices must then remain.
    """
    left = tuple(key for key in factors.passkeys if key.credential_id != credential_id)
    if len(left) == len(factors.passkeys):
        return None, None
    changed = replace(factors, passkeys=left)
    if only_way and factors.has_login and not changed.has_login:
        return None, Refused.ONLY_WAY
    return _removed(changed, required=required)


def _removed(factors: Factors, *, required: bool) -> tuple[Factors | None, Refused | None]:
    if factors.count:
        return factors, None
    if required:
        return None, Refused.LAST
    # Recovery codes replace a factor: without one, they would be a separate way to log in.
    return replace(factors, recovery_codes=(), recovery_codes_at=0), None


def _with_passkey(factors: Factors, changed: Passkey) -> Factors:
    keys = tuple(changed if key.credential_id == changed.credential_id else key for key in factors.passkeys)
    return replace(factors, passkeys=keys)
