"""The wiring of the pages about second factors."""

from __future__ import annotations

from auth_service.crypto.totp import SealedSecrets
from auth_service.federation.identities import IdentityRepository
from auth_service.pages.add_authenticator import AddAuthenticatorPage, Enrolments
from auth_service.pages.add_factor import AddFactor
from auth_service.pages.add_passkey import AddPasskeyPage
from auth_service.pages.fresh_login import FreshLogin
from auth_service.pages.login_methods import LoginMethodsPage
from auth_service.pages.passkey_login import PasskeyLoginPage
from auth_service.pages.recovery_codes import RecoveryCodesPage
from auth_service.pages.second_factor import SecondFactorPage
from auth_service.users.code_check import CodeCheck
from auth_service.users.code_limits import CodeLimits
from auth_service.web.route import Endpoint
from auth_service.wiring import configured
from auth_service.wiring.components import Components
from auth_service.wiring.factor_components import passkey_check, second_steps
from auth_service.wiring.federated_login import provider_sessions


def second_factor_endpoints(parts: Components) -> list[Endpoint]:
    """Return the pages by which people use and manage their second factors."""
    base, context, fresh = parts.base, parts.page_context, _fresh_login(parts)
    policy = configured.second_factor_policy(base.settings)
    return [
        _second_factor(parts).endpoint(),
        LoginMethodsPage(
            context=context,
            fresh=fresh,
            policy=policy,
            connected=parts.accounts.connected,
            providers=frozenset(each.provider_id for each in configured.identity_providers(base.settings)),
            clock=base.clock,
        ).endpoint(),
        _add_authenticator(parts, fresh).endpoint(),
        _add_passkey(parts, fresh).endpoint(),
        _passkey_login(parts).endpoint(),
        RecoveryCodesPage(context=context, fresh=fresh, clock=base.clock).endpoint(),
    ]


def _fresh_login(parts: Components) -> FreshLogin:
    return FreshLogin(
        context=parts.page_context,
        factors=parts.users.factors,
        login_sessions=parts.login_sessions,
        pending=parts.authorization.pending,
        silent_providers=frozenset(
            provider.provider_id
            for provider in configured.identity_providers(parts.base.settings)
            if not provider.preset.sends_auth_time
        ),
        clock=parts.base.clock,
    )


def _second_factor(parts: Components) -> SecondFactorPage:
    base, factors = parts.base, parts.users.factors
    return SecondFactorPage(
        context=parts.page_context,
        steps=second_steps(parts),
        factors=factors,
        codes=CodeCheck(
            factors=factors,
            sealed=SealedSecrets(base.key_ring),
            limits=CodeLimits(base.store, configured.limits(base.settings)["code"]),
            clock=base.clock,
        ),
        passkeys=passkey_check(parts),
        clock=base.clock,
        login_sessions=parts.login_sessions,
        identities=IdentityRepository(base.store, base.clock),
        provider_sessions=provider_sessions(parts),
        pending=parts.authorization.pending,
    )


def _add_factor(parts: Components) -> AddFactor:
    return AddFactor(
        context=parts.page_context,
        factors=parts.users.factors,
        login_sessions=parts.login_sessions,
        clock=parts.base.clock,
    )


def _add_passkey(parts: Components, fresh: FreshLogin) -> AddPasskeyPage:
    return AddPasskeyPage(
        context=parts.page_context,
        fresh=fresh,
        add_factor=_add_factor(parts),
        passkeys=passkey_check(parts),
        clock=parts.base.clock,
    )


def _passkey_login(parts: Components) -> PasskeyLoginPage:
    return PasskeyLoginPage(
        context=parts.page_context,
        passkeys=passkey_check(parts),
        login_sessions=parts.login_sessions,
        pending=parts.authorization.pending,
        throttle=parts.base.throttle("passkey"),
        clock=parts.base.clock,
    )


def _add_authenticator(parts: Components, fresh: FreshLogin) -> AddAuthenticatorPage:
    base = parts.base
    return AddAuthenticatorPage(
        context=parts.page_context,
        fresh=fresh,
        add_factor=_add_factor(parts),
        enrolments=Enrolments(base.key_ring, base.clock),
        sealed=SealedSecrets(base.key_ring),
        service_name=base.settings.site_name,
        clock=base.clock,
    )
