"""Checks the codes of authenticator apps, and recovery codes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from auth_service.crypto.totp import SealedSecrets, recovery_digest, step_of
from auth_service.protocol.factors import Factors, accept_code, accept_recovery_code
from auth_service.users.code_limits import CodeLimits
from auth_service.users.factors import FactorRepository
from shared.clock import Clock

_SHORT = re.compile(r"[0-9]{6}")
_NOT_IN_A_CODE = re.compile(r"[\s-]")
_LONGEST = 64


@dataclass(frozen=True, kw_only=True)
class CodeCheck:
    """The only way to use a code as a second factor."""

    factors: FactorRepository
    sealed: SealedSecrets
    limits: CodeLimits
    clock: Clock

    async def accepts(
        self, subject: str, typed: str, *, mark: str, network: str, known_browser: str | None
    ) -> bool:
        """Accept a code once, and return whether it was accepted; an accepted recovery code is used up.

        Args:
            mark: identifies the submission; a form that is posted twice is accepted twice.

        Raises:
            SlowDownError: too many wrong codes were entered.
        """
        code = _NOT_IN_A_CODE.sub("", typed) if len(typed) <= _LONGEST else ""
        short = _SHORT.fullmatch(code) is not None
        await self.limits.attempt(network, subject, known_browser, guessable=short)
        if short:
            accepted = await self._is_current(subject, code, mark)
        else:
            accepted = await self._is_recovery_code(subject, code, mark)
        if accepted:
            await self.limits.refund(network, subject, known_browser, guessable=short)
        return accepted

    async def _is_current(self, subject: str, code: str, mark: str) -> bool:
        now = self.clock()

        def rule(factors: Factors) -> tuple[Factors | None, bool]:
            secret = self.sealed.open(subject, factors.app.sealed) if factors.app else None
            step = step_of(secret, code, now) if secret else None
            changed, accepted = accept_code(factors, step, mark=mark, now=int(now))
            return self._sealed_again(subject, changed, secret), accepted

        return await self.factors.change(subject, rule)

    def _sealed_again(self, subject: str, factors: Factors | None, secret: str | None) -> Factors | None:
        """Encrypt the secret again if the master key was rotated, so that the old key can be removed."""
        if factors is None or factors.app is None or secret is None:
            return factors
        if self.sealed.is_newest(factors.app.sealed):
            return factors
        return replace(factors, app=replace(factors.app, sealed=self.sealed.seal(subject, secret)))

    async def _is_recovery_code(self, subject: str, code: str, mark: str) -> bool:
        hashed = recovery_digest(code)
        return await self.factors.change(
            subject, lambda factors: accept_recovery_code(factors, hashed, mark=mark)
        )
