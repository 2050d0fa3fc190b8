"""Good requests to every endpoint, and a seeded generator that bends them out of shape."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote_from_bytes, urlencode, urlsplit

from tests.attacks.admin_requests import ABSENT, CHANGES, READS
from tests.attacks.raw import request_bytes
from tests.auth_service.administrator import admin_worker, worker_token
from tests.auth_service.service import RESOURCE_SECRET, AuthorizationServer
from tests.flow import Client, Person, Pkce, forms_of

Headers = list[tuple[str, bytes]]
Request = tuple[str, str, Headers, bytes]

FORM = ("Content-Type", b"application/x-www-form-urlencoded")
JSON = ("Content-Type", b"application/json")
NDJSON = ("Content-Type", b"application/x-ndjson")

SECOND_FACTORS = {
    "second-factor": {"login": "x", "code": "000000", "credential": "{}"},
    "login-methods": {"action": "remove-passkey", "credential_id": "x"},
    "add-authenticator": {"enrolment": "AAAA", "code": "000000"},
    "add-passkey": {"name": "Phone", "credential": '{"id": "x", "response": {"clientDataJSON": "e30"}}'},
    "passkey-login": {"credential": '{"id": "x", "response": {"clientDataJSON": "e30"}}'},
    "recovery-codes": {"pending": "x"},
}
"""Fields of the forms about second factors, by page."""


@dataclass(frozen=True)
class Standing:
    """The credentials of one client and one person, which must stay theirs.

    Attributes:
        spare: a client whose registration may be changed and deleted.
        admin_token: an access token for the admin API.
    """

    client: Client
    spare: Client
    tokens: dict[str, Any]
    cookies: bytes
    csrf: str
    pending: str
    admin_token: str

    @classmethod
    def on(cls, server: AuthorizationServer) -> Standing:
        client = server.register(redirect_uris=["https://client.example/cb", "http://127.0.0.1/cb"])
        person = Person(trust_env=False)
        tokens = client.connect(person, scope="openid notes:read")
        page = person.open(client.authorization_url(Pkce(), scope="notes:write"))
        fields = forms_of(page.text)[0].fields
        cookies = "; ".join(f"{name}={value}" for name, value in person.browser.cookies.items())
        person.close()
        return cls(
            client=client,
            spare=server.register(),
            tokens=tokens,
            cookies=cookies.encode(),
            csrf=fields["csrf"],
            pending=fields["pending"],
            admin_token=worker_token(server, admin_worker(server)).json()["access_token"],
        )

    def still_stands(self, server: AuthorizationServer) -> bool:
        """Whether the grant is alive and the registration is what it was."""
        headers = {"Authorization": f"Bearer {self.client.information['registration_access_token']}"}
        kept_pairs = server.http.get(self.client.information["registration_client_uri"], headers=headers)
        return server.is_active(self.tokens["access_token"]) and kept_pairs.json() == self.client.information

    def good_requests(self) -> list[Request]:
        """One that is good for each endpoint, and leaves things as they are."""
        client_id = self.client.client_id
        url = urlsplit(self.client.authorization_url(Pkce()))
        bearer = ("Authorization", f"Bearer {self.tokens['access_token']}".encode())
        manage = ("Authorization", f"Bearer {self.spare.information['registration_access_token']}".encode())
        server = ("Authorization", b"Basic " + base64.b64encode(f"resource:{RESOURCE_SECRET}".encode()))
        browser = ("Cookie", self.cookies)
        question = urlencode({"token": self.tokens["access_token"]}).encode()
        revoking = urlencode({"token": "none", "client_id": client_id}).encode()
        return [
            ("GET", f"/authorize?{url.query}", [browser], b""),
            ("GET", f"/authorize?pending={self.pending}", [browser], b""),
            ("POST", "/authorize", [browser, FORM], url.query.encode()),
            ("GET", "/login", [browser], b""),
            ("GET", f"/consent?pending={self.pending}", [browser], b""),
            ("GET", "/account", [browser], b""),
            ("GET", "/account?action=disconnect&grant_id=x", [browser], b""),
            ("GET", "/account?action=disconnect_mount&grant_id=x&mount=x", [browser], b""),
            ("GET", "/password", [browser], b""),
            ("GET", "/delete-account", [browser], b""),
            ("GET", "/email", [browser], b""),
            ("GET", "/login-methods", [browser], b""),
            ("GET", f"/second-factor?pending={self.pending}", [browser], b""),
            ("GET", "/add-authenticator", [browser], b""),
            ("GET", "/add-passkey", [browser], b""),
            ("GET", f"/passkey-login?pending={self.pending}", [browser], b""),
            ("GET", "/recovery-codes", [browser], b""),
            ("GET", "/disconnect-identity?identity=x", [browser], b""),
            ("GET", "/own-data", [browser], b""),
            ("GET", "/activity?grant_id=x&after=1-1-x", [browser], b""),
            ("GET", "/.well-known/change-password", [], b""),
            ("GET", "/admin", [], b""),
            ("GET", "/admin/people?q=we&p=0", [browser], b""),
            ("POST", "/register", [JSON], json.dumps({"redirect_uris": ["https://c.example/"]}).encode()),
            ("GET", f"/register/{self.spare.client_id}", [manage], b""),
            ("POST", "/par", [FORM], url.query.encode()),
            ("GET", "/device", [browser], b""),
            ("GET", "/logout", [browser], b""),
            ("POST", "/introspect", [server, FORM], question),
            ("POST", "/revoke", [FORM], revoking),
            ("POST", "/events", [server, NDJSON], b'{"chain": "resource.Zk3vD0yq2mT1uS8xWb7pRg.0"}'),
            ("POST", "/revocations", [server, JSON], b'{"maxEvents": 1, "returnImmediately": true}'),
            ("GET", "/userinfo", [bearer], b""),
            ("POST", "/userinfo", [FORM], urlencode({"access_token": self.tokens["access_token"]}).encode()),
            ("GET", "/.well-known/openid-configuration", [], b""),
            ("GET", "/.well-known/oauth-authorization-server", [], b""),
            ("GET", "/jwks", [], b""),
            ("GET", "/connect/client-metadata", [], b""),
            *(("GET", path, [], b"") for path in ("/health", "/live", "/ready")),
            ("GET", "/openapi.json", [], b""),
            ("GET", "/static/doorward.css", [], b""),
            ("OPTIONS", "/token", [("Origin", b"https://c.example")], b""),
            ("GET", "/.well-known/oauth-protected-resource/admin/api", [], b""),
            *(("GET", f"/admin/api{path}", [self.administering], b"") for path in READS),
        ]

    @property
    def administering(self) -> tuple[str, bytes]:
        """The header of a caller of the admin API."""
        return "Authorization", f"Bearer {self.admin_token}".encode()

    def nearly_good_requests(self) -> list[Request]:
        """Those that lack the one thing that would make them change something."""
        client_id = self.client.client_id
        login = {"csrf": self.csrf, "pending": self.pending, "username": "wesen", "password": ""}
        decision = {"csrf": "x", "pending": self.pending, "decision": "allow", "ticks": "shown"}
        grants: list[dict[str, str]] = [
            {"grant_type": "authorization_code", "code": "dw_ac_" + "A" * 64, "code_verifier": "A" * 43},
            {"grant_type": "refresh_token", "refresh_token": "dw_rt_" + "A" * 64, "scope": "notes:read"},
            {"grant_type": "client_credentials", "scope": "notes:read"},
            {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "dw_dc_x"},
            {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "e30.e30.e30"},
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token": self.tokens["access_token"],
                "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            },
        ]
        assertion = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": "eyJhbGciOiJSUzI1NiJ9.e30.AA",
            "grant_type": "client_credentials",
        }
        change = {"client_id": client_id, "redirect_uris": ["https://evil.example/"]}
        wrong = ("Authorization", b"Bearer dw_cr_wrong")
        browser = ("Cookie", self.cookies)
        passwords = {"csrf": "x", "password": "x", "new_password": "y", "new_password_again": "y"}
        server = ("Authorization", b"Basic " + base64.b64encode(f"resource:{RESOURCE_SECRET}".encode()))
        question = {"token": self.tokens["access_token"], "rejected": "x"}
        call = {**question, "approver": "self", "policy": "x", "call": "{}"}
        back = {"csrf": "x", "client_id": client_id, "back": "yes", "error": "e", "error_description": "d"}
        return [
            ("POST", "/authorize", [browser, FORM], urlencode(back).encode()),
            *(("POST", "/token", [FORM], urlencode({**g, "client_id": client_id}).encode()) for g in grants),
            ("POST", "/login", [browser, FORM], urlencode(login).encode()),
            ("GET", "/set-password?link=dw_al_x.y", [browser], b""),
            ("GET", "/set-up?link=x", [browser], b""),
            ("GET", "/callback/corp?code=x&state=x&iss=https%3A%2F%2Fid.example", [browser], b""),
            ("GET", "/logged-out?state=x", [browser], b""),
            ("GET", f"/connect/{ABSENT}", [browser], b""),
            ("POST", f"/connect/{ABSENT}", [browser, FORM], b"csrf=x"),
            ("GET", "/connect/callback?code=x&state=x&iss=https%3A%2F%2Fid.example", [browser], b""),
            ("POST", "/connected-account", [server, FORM], urlencode(question).encode()),
            ("GET", f"/approve/{ABSENT}", [browser], b""),
            ("POST", f"/approve/{ABSENT}", [browser, FORM], b"csrf=x&decision=approve"),
            ("POST", "/call-approval", [server, FORM], urlencode(call).encode()),
            ("POST", "/definitions", [server, JSON], b'{"process": "x"}'),
            ("POST", "/backchannel-logout/corp", [FORM], b"logout_token=e30.e30.e30"),
            ("POST", "/login/corp", [browser, FORM], urlencode({"csrf": "x", "connect": "1"}).encode()),
            ("POST", "/consent", [browser, FORM], urlencode(decision).encode()),
            (
                "POST",
                "/account",
                [browser, FORM],
                urlencode({"csrf": "x", "action": "x", "grant_id": "x", "mount": "x"}).encode(),
            ),
            ("POST", "/delete-account", [browser, FORM], urlencode({"csrf": "x", "password": "x"}).encode()),
            ("POST", "/password", [browser, FORM], urlencode(passwords).encode()),
            ("POST", "/email", [browser, FORM], urlencode({"csrf": "x", "email": "a@b.example"}).encode()),
            *(
                ("POST", f"/{page}", [browser, FORM], urlencode({"csrf": "x", **fields}).encode())
                for page, fields in SECOND_FACTORS.items()
            ),
            ("POST", "/set-up", [browser, FORM], b"csrf=x&link=x&username=y"),
            (
                "POST",
                "/set-password",
                [browser, FORM],
                urlencode({"csrf": "x", "link": "x", "new_password": "y"}).encode(),
            ),
            (
                "POST",
                "/disconnect-identity",
                [browser, FORM],
                urlencode({"csrf": "x", "identity": "x", "password": "x"}).encode(),
            ),
            ("POST", "/admin/people", [browser, FORM], urlencode({"csrf": "x", "action": "end"}).encode()),
            ("PUT", f"/register/{client_id}", [wrong, JSON], json.dumps(change).encode()),
            ("DELETE", f"/register/{client_id}", [wrong], b""),
            ("POST", "/token", [FORM], urlencode(assertion).encode()),
            ("POST", "/device_authorization", [FORM], urlencode({"client_id": client_id}).encode()),
            ("POST", "/device", [browser, FORM], urlencode({"csrf": "x", "user_code": "BBBB-BBBB"}).encode()),
            ("POST", "/logout", [browser, FORM], urlencode({"csrf": "x", "state": "s"}).encode()),
            ("POST", "/introspect", [FORM], urlencode({"token": self.tokens["access_token"]}).encode()),
            *(
                (method, f"/admin/api{path}", [self.administering, JSON, ("If-Match", b'"9"')], body)
                for method, path, body in CHANGES
            ),
        ]


ODD_TEXTS = (
    *(b"", b" ", b"\x00", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"%", b"%zz", b"+", b"=", b"&", b";"),
    *(b"null", b"true", b"-1", b"0", b"1e999", b"NaN", b"9" * 400, b"{}", b"[]", b"'", b'"', b"\\", b"<b>"),
    *(b"\r\nX: y", b"../..", b"%2e%2e%2f", b"{{7*7}}", b"${x}", b"' OR 1=1--", b"a" * 9_000, b"\xe2\x80\xae"),
    *("ü".encode(), "𝕏".encode(), "\u0301".encode() * 300, b"dw_at_" + b"A" * 64, b"https://[", b"http://:0"),
    *(
        b"urn:x",
        b"*",
        b"doorward:grant:x",
        b"https://evil.example/",
        b"S256",
        b"none",
        b"*/*",
        b"0x7f",
        b"1_0",
    ),
)
ODD_JSON: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**30, "", " ", "\x00", "\u202e", [], {}, [[]], [None], [1, "x"]),
    *(
        {"a": {"b": []}},
        "x" * 5_000,
        ["https://c.example/"] * 30,
        "javascript:alert(1)",
        ["https://c.example/"],
    ),
)
HEADER_NAMES = (
    *("Authorization", "Cookie", "Content-Type", "Content-Encoding", "Accept", "Origin", "Host", "DPoP"),
    *("X-Forwarded-For", "Transfer-Encoding", "Expect", "Range", "If-None-Match", "Connection", "Referer"),
    *("Access-Control-Request-Headers", "Access-Control-Request-Method", "Content-Length", "Accept-Encoding"),
)
MEDIA = (
    *(b"", b"application/json", b"multipart/form-data", b"multipart/form-data; boundary=x", b"text/html"),
    *(b"application/x-www-form-urlencoded; charset=utf-16", b"application/x-www-form-urlencoded;;;", b"\xff"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")


class Bender:
    """Makes malformed requests, always the same for the same seed."""

    def __init__(self, seed: int, standing: Standing) -> None:
        self._chance = random.Random(seed)  # noqa: S311 -- not a secret
        self._requests = [*standing.good_requests(), *standing.nearly_good_requests()]
        self._bends: tuple[Callable[[Request], Request], ...] = (
            self._bend_pairs,
            self._bend_pairs,
            self._bend_pairs,
            self._bend_json,
            self._bend_bytes,
            self._bend_header,
            self._bend_header,
            self._change_method,
            self._change_media,
            self._bend_path,
        )

    def request(self) -> bytes:
        """The next one."""
        request = self._chance.choice(self._requests)
        for _ in range(self._chance.choice((1, 1, 2, 3))):
            request = self._chance.choice(self._bends)(request)
        method, target, headers, body = request
        return request_bytes(method, _printable(target), [(n, _one_line(v)) for n, v in headers], body)

    def _odd(self) -> bytes:
        return self._chance.choice(ODD_TEXTS)

    def _bend_pairs(self, request: Request) -> Request:
        """Change, drop, double or add a parameter of the query or the form."""
        method, target, headers, body = request
        path, mark, query = target.partition("?")
        in_body = FORM in headers and bool(body)
        text = body.decode("latin-1") if in_body else query
        pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1")
        bent = self._bent_pairs([(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs])
        encoded = b"&".join(_encoded(name) + b"=" + _encoded(value) for name, value in bent)
        if in_body:
            return method, target, headers, encoded
        return method, f"{path}{mark or '?'}{encoded.decode()}", headers, body

    def _bent_pairs(self, pairs: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        place = self._chance.randrange(len(pairs) + 1)
        name, value = pairs[place] if place < len(pairs) else (self._odd(), self._odd())
        kept_pairs = [pair for number, pair in enumerate(pairs) if number != place]
        what = self._chance.randrange(6)
        if what == 0:
            return kept_pairs
        if what == 1:
            return [*pairs, (name, value)]
        if what == 2:
            return [*kept_pairs, (name, value), (name, self._odd())]
        if what == 3:
            return [*kept_pairs, (name, value + self._odd())]
        if what == 4:
            return [*kept_pairs, (name, value)] + [
                (b"p%d" % n, b"x") for n in range(self._chance.choice((90, 300)))
            ]
        return [*kept_pairs, (name, self._odd())]

    def _bend_json(self, request: Request) -> Request:
        """Change a member of a JSON body to something of another kind."""
        method, target, headers, body = request
        if JSON not in headers:
            return request
        try:
            members = json.loads(body)
        except ValueError:
            return request
        if not isinstance(members, dict):
            return request
        names = [*members, "client_name", "scope", "grant_types", "token_endpoint_auth_method", "jwks", "x"]
        members[self._chance.choice(names)] = self._chance.choice(ODD_JSON)
        return method, target, headers, json.dumps(members).encode()

    def _bend_bytes(self, request: Request) -> Request:
        """Cut the body, or change, add and repeat bytes of it."""
        method, target, headers, body = request
        bent = bytearray(body or self._odd())
        for _ in range(self._chance.choice((1, 3, 20))):
            place = self._chance.randrange(len(bent) + 1)
            bent[place : place + self._chance.randrange(3)] = self._odd()[
                : self._chance.choice((1, 4, 9_000))
            ]
        return method, target, headers, bytes(bent[: self._chance.choice((1, 40, 70_000, 70_000))])

    def _bend_header(self, request: Request) -> Request:
        """Give a header an odd value, in place of its own or beside it."""
        method, target, headers, body = request
        name = self._chance.choice(HEADER_NAMES)
        own = next((value for header_name, value in headers if header_name == name), b"")
        value = self._chance.choice(
            (self._odd(), own + self._odd(), own[: len(own) // 2], b"Basic " + self._odd())
        )
        kept_pairs = headers if self._chance.random() < 0.3 else [pair for pair in headers if pair[0] != name]
        return method, target, [*kept_pairs, (name, value)], body

    def _change_method(self, request: Request) -> Request:
        return self._chance.choice(METHODS), *request[1:]

    def _change_media(self, request: Request) -> Request:
        method, target, headers, body = request
        media = ("Content-Type", self._chance.choice(MEDIA))
        return method, target, [*(pair for pair in headers if pair[0] != "Content-Type"), media], body

    def _bend_path(self, request: Request) -> Request:
        method, target, headers, body = request
        odd = quote_from_bytes(self._odd()[:500], safe=self._chance.choice(("", "/", "/;=")))
        path, mark, query = target.partition("?")
        bent = self._chance.choice(
            (f"{path}/{odd}", f"{path}{odd}", f"/{odd}{path}", path.upper(), f"/{path}")
        )
        return method, f"{bent}{mark}{query}", headers, body


def _encoded(text: bytes) -> bytes:
    return quote_from_bytes(text, safe="").encode()


def _printable(target: str) -> bytes:
    return "".join(c for c in target if "!" <= c <= "~").encode()


def _one_line(value: bytes) -> bytes:
    """The part of a value that does not end the header; request smuggling has its own test."""
    return value.replace(b"\r", b"").replace(b"\n", b"")
