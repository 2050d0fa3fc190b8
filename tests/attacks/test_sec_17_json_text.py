"""SEC-17: invalid text, and values of other kinds, in every member of a JWT or of JSON: never a 5xx.

JSON can spell what no encoding can: halves of surrogate pairs. `DOORWARD_SOAK_JSON_TEXT` sets how many
requests are made for each store.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from shared import base64url
from tests.auth_service.asserting import AssertingClient
from tests.auth_service.keypair import ASSERTION_TYPE
from tests.auth_service.service import RESOURCE, RESOURCE_SECRET, AuthorizationServer
from tests.flow import Pkce

pytestmark = pytest.mark.requirement("SEC-17")

REQUESTS = int(os.environ.get("DOORWARD_SOAK_JSON_TEXT", "400"))
SEED = os.environ.get("DOORWARD_SOAK_SEED", "json text")
ODD: tuple[Any, ...] = (
    *(
        "\ud800",
        "1.\ud800",
        "\udfff.x",
        "a\ud83d",
        "\udc00\ud800",
        "29000000.\ud800",
        "\x00",
        "a\x00b",
        "\u2028",
    ),
    *("\u0661", "\u00b2", "\uff11", "1" * 5_000, "", " ", ".", "..", "\ufeff", "\u202e", "e\u0301" * 400),
    *(None, True, False, 0, -1, 1.5, 1e308, -0.0, 10**400, -(10**30), [], {}, [None], [[]], {"": ""}),
    *(["\ud800"], {"\ud800": 1}, {"a": "\ud800"}, [1, "x"], {"keys": "\ud800"}, "x" * 9_000),
)
PATHS = ("token", "par", "introspect", "revoke")
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
Members = dict[str, Any]


@dataclass
class Fuzz:
    """Makes one odd request after the other, signed as it should be, so that what it says is looked at."""

    server: AuthorizationServer
    chance: random.Random
    client: AssertingClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = AssertingClient.registered(self.server)
        self.tokens = self.server.connect(self.client, scope="openid notes:read")

    def bent(self, members: Members) -> Members:
        """`members` with one of them odd, or with an odd one more."""
        name = self.chance.choice([*members, "x", "\ud800"])
        return {**members, name: self.chance.choice(ODD)}

    def jws(self, header: Members, claims: Members) -> str:
        """Signed by the client's key, with one member odd, in the header or in the claims."""
        header = {"alg": "ES256", **header}
        if self.chance.random() < 0.3:
            header = self.bent(header)
        else:
            claims = self.bent(claims)
        signed = ".".join(base64url.encode(json.dumps(part).encode()) for part in (header, claims))
        key = self.client.pair.key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{base64url.encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def dated(self, **claims: Any) -> Members:
        now, client_id = int(self.server.clock()), self.client.client_id
        times = {"iat": now, "nbf": now, "exp": now + 60, "jti": str(self.chance.random())}
        return {"iss": client_id, "sub": client_id, "aud": self.server.issuer, **times, **claims}

    def proof(self, method: str, path: str) -> str:
        url = f"{self.server.issuer}/{path}"
        claims = {"htm": method, "htu": url, "iat": int(self.server.clock()), "nonce": "1.x", "ath": "x"}
        header = {"typ": "dpop+jwt", "jwk": self.client.pair.public}
        if self.chance.random() < 0.2:
            header["jwk"] = self.bent(self.client.pair.public)
        return self.jws(header, {**claims, "jti": str(self.chance.random())})

    def post(self, path: str, form: dict[str, str], **headers: str) -> httpx2.Response:
        return self.server.http.post(f"{self.server.origin}/{path}", data=form, headers=headers)

    def assertion(self) -> httpx2.Response:
        assertion = self.jws({"kid": self.client.pair.kid}, self.dated())
        return self.client.present(
            self.chance.choice(PATHS), assertion, token="x", grant_type="refresh_token"
        )

    def dpop(self) -> httpx2.Response:
        if self.chance.random() < 0.3:
            headers = {"DPoP": self.proof("GET", "userinfo"), "Authorization": "DPoP x"}
            return self.server.http.get(f"{self.server.origin}/userinfo", headers=headers)
        path = self.chance.choice(("token", "par"))
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.client.assertion()}
        return self.post(path, {"grant_type": "refresh_token", **form}, DPoP=self.proof("POST", path))

    def request_object(self) -> httpx2.Response:
        claims: Members = {
            "client_id": self.client.client_id,
            "response_type": "code",
            "redirect_uri": "http://x/",
        }
        claims |= {"state": "s", "scope": "openid", "resource": RESOURCE, "nonce": "n", "max_age": 1}
        claims |= {
            "claims": {"id_token": {"acr": None}},
            "dpop_jkt": "x",
            "prompt": "none",
            "login_hint": "h",
        }
        signed = self.jws({"kid": self.client.pair.kid}, self.dated(**claims))
        if self.chance.random() < 0.5:
            return self.client.present("par", self.client.assertion(), request=signed)
        query = {"client_id": self.client.client_id, "request": signed}
        return self.server.http.get(f"{self.server.origin}/authorize", params=query)

    def claims_parameter(self) -> httpx2.Response:
        wanted: Members = {
            "id_token": {"sub": {"value": "x"}, "acr": {"values": ["a"]}},
            "userinfo": {"name": None},
        }
        wanted["id_token"] = self.bent(wanted["id_token"])
        wanted["id_token"]["sub"] = self.bent({"value": "x", "essential": True})
        url = self.client.authorization_url(Pkce(), scope="openid", claims=json.dumps(self.bent(wanted)))
        return self.server.person.browser.get(url)

    def hint(self) -> httpx2.Response:
        hint = self.jws({"typ": "JWT"}, self.dated(iss=self.server.issuer))
        if self.chance.random() < 0.5:
            return self.server.http.get(f"{self.server.origin}/logout", params={"id_token_hint": hint})
        return self.server.person.browser.get(self.client.authorization_url(Pkce(), id_token_hint=hint))

    def token(self) -> httpx2.Response:
        """A JWT where an access token or a grant is expected."""
        token = self.jws({"typ": self.chance.choice(("at+jwt", "JWT"))}, self.dated(iss=self.server.issuer))
        what = self.chance.randrange(4)
        if what == 0:
            headers = {"Authorization": f"Bearer {token}"}
            return self.server.http.get(f"{self.server.origin}/userinfo", headers=headers)
        if what == 1:
            return self.post(
                "introspect", {"token": token, "client_id": "resource", "client_secret": RESOURCE_SECRET}
            )
        if what == 2:
            return self.client.token(grant_type=JWT_BEARER, assertion=token)
        return self.client.token(grant_type=EXCHANGE, subject_token=token, subject_token_type=ACCESS_TOKEN)

    def registration(self) -> httpx2.Response:
        body: Members = {
            "redirect_uris": ["https://c.example/"],
            "client_name": "x",
            "jwks": {"keys": [{"kty": "EC"}]},
        }
        body |= {"scope": "x", "contacts": ["a"], "client_uri": "https://c.example/", "client_name#de": "y"}
        body |= {"software_statement": self.jws({"typ": "JWT"}, self.dated()), "subject_type": "pairwise"}
        if self.chance.random() < 0.5:
            return self._json("POST", f"{self.server.origin}/register", self.bent(body), "x")
        information = self.client.information
        token = information["registration_access_token"]
        return self._json(
            "PUT", information["registration_client_uri"], self.bent({**body, "redirect_uris": 1}), token
        )

    def events(self) -> httpx2.Response:
        body = self.bent(
            {"maxEvents": 1, "returnImmediately": True, "ack": ["x"], "setErrs": {"x": {"err": "y"}}}
        )
        url = f"{self.server.origin}/revocations"
        text = json.dumps(body)
        headers = {"Content-Type": "application/json"}
        auth = ("resource", RESOURCE_SECRET)
        return self.server.http.post(url, content=text, headers=headers, auth=auth)

    def _json(self, method: str, url: str, body: Members, bearer: str) -> httpx2.Response:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {bearer}"}
        return self.server.http.request(method, url, content=json.dumps(body), headers=headers)

    def kinds(self) -> list[Callable[[], httpx2.Response]]:
        front = [self.request_object, self.claims_parameter, self.hint]
        return [*front, self.assertion, self.dpop, self.dpop, self.token, self.registration, self.events]


def test_odd_text_in_any_member_is_refused_or_ignored(server: AuthorizationServer) -> None:
    fuzz = Fuzz(server, random.Random(SEED))  # noqa: S311 -- repeatable
    kinds = fuzz.kinds()
    statuses: set[int] = set()
    for number in range(REQUESTS):
        make = kinds[number % len(kinds)]
        response = make()
        where = (
            f"seed {SEED!r}, request {number}, {make.__name__}: {response.request.url} {response.text[:300]}"
        )
        assert response.status_code < 500, where
        assert server.failures == [], where
        statuses.add(response.status_code)
    assert {400, 401} <= statuses
    assert server.is_active(fuzz.tokens["access_token"])


@pytest.mark.requirement("EXT-3")
@pytest.mark.parametrize(
    "nonce", ["1.\ud800", "\ud800", "\ud800.x", "1.\x00", "1." + "x" * 9_000, "\u0661.x"]
)
def test_a_nonce_that_is_not_a_string_is_refused(server: AuthorizationServer, nonce: str) -> None:
    fuzz = Fuzz(server, random.Random(nonce.encode("utf-8", "surrogatepass")))  # noqa: S311 -- repeatable
    proof = fuzz.client.pair.proof("POST", f"{server.issuer}/token", now=server.clock(), nonce=nonce)
    refused = fuzz.post("token", {"grant_type": "refresh_token", "client_id": "x"}, DPoP=proof)
    assert refused.status_code in (400, 401)
