"""JWT access tokens: refused here, let in here, or asked about, and when which."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from structlog.testing import capture_logs

from resource_service.authorization_server_client import http_client
from resource_service.introspection.cache import LIVE_FOR_S
from resource_service.introspection.issuer_keys import JWKS_PATH, IssuerKeys
from resource_service.introspection.jwt_access_token import read_access_token
from resource_service.introspection.local_jwt_validator import LocalJwtValidator
from resource_service.introspection.revoked_grants import MARGIN_S, RevokedGrants
from shared.introspection import ActiveToken
from shared.jwt_claims import SKEW_S, ClaimError
from tests.auth_service.keypair import KeyPair
from tests.resource_service.authorization_server import AuthorizationServer, answer, answer_json, hang

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-19")]

RESOURCES = ("https://mcp.example/mcp", "https://mcp.example/files")
PAIR, OTHER_PAIR = KeyPair("RS256"), KeyPair("ES256")


class Scene:
    """The issuer's keys at a real socket, a feed that a test speaks for, and a note of what was asked."""

    def __init__(self, issuer: AuthorizationServer) -> None:
        self.issuer = issuer
        self.now, self.steady = float(int(time.time())), 0.0
        self.tokens: list[str] = []
        self.needs_groups = False
        self.http = http_client(timeout_s=30, max_connections=10)
        self.keys = IssuerKeys(
            self.http, f"{issuer.url}{JWKS_PATH}", timeout_s=30, steady_clock=lambda: self.steady
        )
        self.revoked = RevokedGrants(clock=lambda: self.now, steady_clock=lambda: self.steady)
        self.verify = LocalJwtValidator(
            self.ask,
            self.keys,
            self.revoked,
            issuer=issuer.url,
            resources=RESOURCES,
            clock=lambda: self.now,
            needs_groups=lambda: self.needs_groups,
        )
        issuer.replies[JWKS_PATH] = answer_json({"keys": [*PAIR.jwks["keys"], *OTHER_PAIR.jwks["keys"]]})

    async def ask(self, token: str) -> ActiveToken | None:
        self.tokens.append(token)
        return None

    def listen(self, seconds: float) -> None:
        """The feed says every second that nothing has happened."""
        for _ in range(int(seconds)):
            self.revoked.confirm(self.steady)
            self.now += 1
            self.steady += 1
        self.revoked.confirm(self.steady)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Those of a good token of now; one of None is left out."""
        good = {
            "iss": self.issuer.url,
            "sub": "user-1",
            "aud": RESOURCES[0],
            "exp": int(self.now) + 600,
            "iat": int(self.now),
            "jti": "grant-1.7",
            "client_id": "client-1",
            "scope": "notes:read",
            **changes,
        }
        return {name: value for name, value in good.items() if value is not None}

    def token(self, pair: KeyPair = PAIR, typ: str | None = "at+jwt", **changes: Any) -> str:
        return pair.sign(self.claims(**changes), typ)


@pytest.fixture
async def scene(issuer: AuthorizationServer, anyio_backend: str) -> AsyncIterator[Scene]:
    """One where the feed has been live for longer than the margin."""
    scene = Scene(issuer)
    scene.listen(MARGIN_S + 30)
    async with scene.http:
        yield scene


class TestYes:
    @pytest.mark.parametrize("pair", [PAIR, OTHER_PAIR], ids=["RS256", "ES256"])
    async def test_a_fresh_token_is_admitted_without_asking(self, pair: KeyPair, scene: Scene) -> None:
        token_info = await scene.verify(scene.token(pair, cnf={"jkt": "a key"}, act={"sub": "somebody"}))
        assert token_info == ActiveToken(
            client_id="client-1",
            scopes=("notes:read",),
            audience=(RESOURCES[0],),
            issuer=scene.issuer.url,
            expires_at=int(scene.now) + 600,
            issued_at=int(scene.now),
            subject="user-1",
            grant_id="grant-1",
            jkt="a key",
            act={"sub": "somebody"},
        )
        assert scene.tokens == []

    async def test_a_client_that_acts_for_itself_is_not_a_user(self, scene: Scene) -> None:
        token_info = await scene.verify(scene.token(sub="client-1"))
        assert token_info
        assert token_info.subject is None

    @pytest.mark.parametrize(
        "audience", [f"{RESOURCES[0]}/", RESOURCES[1], ["https://a.example", *RESOURCES]]
    )
    async def test_it_may_be_for_any_resource_here(self, audience: object, scene: Scene) -> None:
        assert await scene.verify(scene.token(aud=audience))
        assert scene.tokens == []


class TestAsking:
    @pytest.mark.requirement("ID-3")
    async def test_about_a_good_token_where_a_policy_names_groups(self, scene: Scene) -> None:
        token = scene.token()
        assert await scene.verify(token)
        assert scene.tokens == []
        scene.needs_groups = True  # a policy was loaded
        await scene.verify(token)
        assert scene.tokens == [token]

    async def test_about_what_is_not_a_jwt(self, scene: Scene) -> None:
        tokens = ["dw_at_x", "a.b", "a.b.c.d", "", scene.token().replace(".", "")]
        for token in tokens:
            await scene.verify(token)
        assert scene.tokens == tokens

    async def test_while_revocations_do_not_arrive(self, scene: Scene) -> None:
        token = scene.token()
        scene.now += LIVE_FOR_S
        scene.steady += LIVE_FOR_S
        await scene.verify(token)
        scene.listen(1)
        await scene.verify(token)
        assert scene.tokens == [token] * 2

    async def test_about_tokens_from_before_the_feed(self, scene: Scene) -> None:
        token = scene.token(iat=int(scene.now) - 31)
        await scene.verify(token)
        assert scene.tokens == [token]

    async def test_about_tokens_of_revoked_grants(self, scene: Scene) -> None:
        tokens = [scene.token(), scene.token(jti="grant-2.1", ancestors=["grant-3", "grant-1"])]
        scene.revoked.revoke("grant-1")
        for token in tokens:
            await scene.verify(token)
        assert scene.tokens == tokens

    async def test_about_tokens_that_live_long_or_come_from_the_future(self, scene: Scene) -> None:
        tokens = [scene.token(exp=int(scene.now) + 3_700), scene.token(iat=int(scene.now) + 60)]
        for token in tokens:
            await scene.verify(token)
        assert scene.tokens == tokens
        assert await scene.verify(scene.token(iat=int(scene.now) + SKEW_S))
        assert scene.tokens == tokens

    @pytest.mark.parametrize(
        "changes",
        [
            {"jti": "a-name-of-another-form"},
            {"jti": None},
            {"cnf": {"x5t#S256": "x"}},
            {"ancestors": "grant-3"},
            {"ancestors": [1]},
            {"exp": None},
            {"iat": None},
            {"iat": "now"},
            {"sub": None},
            {"client_id": None},
            {"scope": ["notes:read"]},
            {"nbf": 1},
        ],
    )
    async def test_about_what_the_issuer_signed_and_is_not_understood_here(
        self, changes: dict[str, Any], scene: Scene
    ) -> None:
        token = scene.token(**changes)
        await scene.verify(token)
        assert scene.tokens == [token]

    @pytest.mark.parametrize("keys", [hang, answer(500, b""), answer_json({})])
    async def test_keys_that_cannot_be_fetched_leave_the_decision_to_introspection(
        self, keys: Any, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scene.issuer.replies[JWKS_PATH] = keys
        if keys is hang:
            monkeypatch.setattr(scene.keys, "_timeout_s", 0.2)
        tokens = [scene.token(), scene.token(KeyPair())]
        for token in tokens:
            await scene.verify(token)
        assert scene.tokens == tokens


def _encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _unsigned(scene: Scene) -> str:
    return f"{_encoded({'alg': 'none', 'typ': 'at+jwt'})}.{_encoded(scene.claims())}.AA"


def _with_the_public_key_as_secret(scene: Scene) -> str:
    public = PAIR.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "typ": "at+jwt", "kid": PAIR.kid}
    text = f"{_encoded(header)}.{_encoded(scene.claims())}"
    mac = jwt.get_algorithm_by_name("HS256").sign(text.encode(), public)
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _changed(scene: Scene) -> str:
    head, _, signature = scene.token().split(".")
    return f"{head}.{_encoded(scene.claims(scope='notes:read notes:write'))}.{signature}"


def _with_its_own_key(scene: Scene) -> str:
    stranger = KeyPair()
    return stranger.sign(
        scene.claims(), "at+jwt", kid=PAIR.kid, jwk=stranger.public, jku="https://evil.example"
    )


FORGERIES: dict[str, Callable[[Scene], str]] = {
    "garbage": lambda _: "a.b.c",
    "empty parts": lambda _: "..",
    "no JSON": lambda _: "AAAA.AAAA.AAAA",
    "not signed": _unsigned,
    "public key as secret": _with_the_public_key_as_secret,
    "changed": _changed,
    "a stranger's key": lambda s: s.token(KeyPair()),
    "a stranger's key under a known id": _with_its_own_key,
    "an ID token": lambda s: s.token(typ="JWT", aud="client-1"),
    "a token of no type": lambda s: s.token(typ=None),
    "a logout token": lambda s: s.token(typ="logout+jwt"),
    "a signed answer": lambda s: s.token(typ="token-introspection+jwt"),
    "a security event": lambda s: s.token(typ="secevent+jwt"),
    "critical extensions": lambda s: PAIR.sign(s.claims(), "at+jwt", crit=["b64"], b64=True),
    "another issuer's": lambda s: s.token(iss="https://evil.example"),
    "for another resource": lambda s: s.token(aud="https://other.example/mcp"),
    "for nobody": lambda s: s.token(aud=[]),
    "expired": lambda s: s.token(iat=int(s.now) - 20, exp=int(s.now)),
    "long expired": lambda s: s.token(iat=int(s.now) - 20, exp=int(s.now) - 10),
}


@pytest.mark.requirement("SEC-11", "RS-3", "RS-11")
@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forgery_is_refused_without_asking_and_the_log_says_why(forgery: str, scene: Scene) -> None:
    await scene.verify(scene.token())
    with capture_logs() as lines:
        assert await scene.verify(FORGERIES[forgery](scene)) is None
    assert scene.tokens == []
    assert [line["event"] for line in lines] == ["a JWT was refused without introspection"]
    assert lines[0]["reason"]


@pytest.mark.requirement("SEC-11")
async def test_a_flood_of_forgeries_costs_the_issuer_a_key_set(scene: Scene) -> None:
    assert [await scene.verify(scene.token(OTHER_PAIR, typ=f"x{n}")) for n in range(50)] == [None] * 50
    assert [await scene.verify(scene.token(KeyPair())) for _ in range(50)] == [None] * 50
    assert scene.tokens == []
    assert len(scene.issuer.questions) <= 2


def test_what_names_no_grant_is_not_read() -> None:
    claims = {"sub": "s", "client_id": "c", "iss": "i", "aud": "a", "exp": 2, "iat": 1, "scope": ""}
    assert read_access_token({**claims, "jti": "grant.1"}).grant_id == "grant"
    for jti in ("", ".1", "grant.", "grant.one", "grant.-1", "grant.\u0661", "grant"):
        with pytest.raises(ClaimError):
            read_access_token({**claims, "jti": jti})
