"""The rows of the table of tolerances in docs/reference/protocol.md, as checks of a client on a leg."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2

from tests.flow import Pkce
from tests.profiles.client import Client
from tests.profiles.credentials import ENCODINGS, proof
from tests.profiles.deployment import Deployment
from tests.profiles.profile import Document, Profile, Way
from tests.profiles.publishers import ODD_METADATA, odd_client_id
from tests.spaces import SPACES

AUTHENTICATING = ("token", "par", "device_authorization", "revoke", "introspect")
INITIALIZE = (
    '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
    '"capabilities":{},"clientInfo":{"name":"test","version":"1"}}}'
)
LONG = "x" * 3_000


@dataclass
class Case:
    """A client that is connected, and where it is."""

    client: Client
    deployment: Deployment

    @property
    def origin(self) -> str:
        return self.deployment.server.origin

    @property
    def scope(self) -> str:
        return str(self.client.kept.tokens["scope"])

    def post(self, path: str, form: dict[str, Any], headers: dict[str, str] | None = None) -> httpx2.Response:
        """A request of the client that proves who it is, unless `headers` say otherwise."""
        issuer = self.deployment.server.issuer
        own, members = proof(
            self.client.kept.information, self.client.profile.registration, self.client.signer, issuer
        )
        url = f"{self.origin}/{path}"
        return self.client.http.post(url, data={**form, **members}, headers={**own, **(headers or {})})

    def form(self, path: str, pkce: Pkce | None = None, **changes: Any) -> dict[str, Any]:
        """The request of the client there."""
        forms: dict[str, dict[str, Any]] = {
            "token": {
                "grant_type": "refresh_token",
                "refresh_token": self.client.kept.tokens["refresh_token"],
            },
            "par": {
                "response_type": "code",
                "redirect_uri": self.client.redirect_uri,
                "code_challenge": (pkce or Pkce()).challenge,
                "code_challenge_method": "S256",
            },
            "device_authorization": {},
        }
        return {**forms.get(path, {"token": "x"}), **changes}

    def ask(
        self, path: str, changes: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        """The answer there; what is refreshed is kept."""
        answer = self.post(path, {**self.form(path), **(changes or {})}, headers)
        if path == "token" and answer.status_code == 200:
            self.client.kept.tokens = answer.json()
        return answer

    def authorized(self, pkce: Pkce, **changes: Any) -> str:
        """The code for a request with `changes` to what the client sends."""
        url = self.client.authorization_url(pkce)
        query = urlencode({**dict(httpx2.URL(url).params), **changes}, doseq=True)
        answer = self.client.person.authorize(f"{url.partition('?')[0]}?{query}")
        assert "code" in answer, answer
        return answer["code"]

    def pushed(self, pkce: Pkce, **changes: Any) -> str:
        """The same for a request that is pushed."""
        answer = self.post("par", self.form("par", pkce, **changes))
        assert answer.status_code == 201, answer.text
        client_id = self.client.kept.information["client_id"]
        query = urlencode({"client_id": client_id, "request_uri": answer.json()["request_uri"]})
        return self.client.person.authorize(f"{self.origin}/authorize?{query}")["code"]

    def redeemed(self, code: str, pkce: Pkce, **changes: Any) -> httpx2.Response:
        """The answer to a code."""
        form = {"code": code, "redirect_uri": self.client.redirect_uri, "code_verifier": pkce.verifier}
        return self.post("token", {"grant_type": "authorization_code", **form, **changes})


Applies = Callable[[Profile, Way], bool]
Check = Callable[[Case], None]


@dataclass(frozen=True)
class Leg:
    """A row of the table on one leg."""

    row: str
    name: str
    check: Check
    applies: Applies


LEGS: list[Leg] = []


def leg(row: str, name: str, applies: Applies = lambda _profile, _way: True) -> Callable[[Check], Check]:
    """Note a check as that of a row on a leg."""

    def noted(check: Check) -> Check:
        LEGS.append(Leg(row, name, check, applies))
        return check

    return noted


def by_registration(_profile: Profile, way: Way) -> bool:
    return way == "registration"


def by_document(_profile: Profile, way: Way) -> bool:
    return way == "document"


def by_basic(profile: Profile, way: Way) -> bool:
    registration = profile.registration
    method = registration.body.get("token_endpoint_auth_method") if registration else None
    return way == "registration" and method in (None, "client_secret_basic")


def in_body(profile: Profile, way: Way) -> bool:
    return not by_basic(profile, way)


# White space after a token


def status_as_sent(method: str, url: str, authorization: str, body: str | None = None) -> int:
    """The status of an answer to a request with the header as it is: httpx2 refuses to send it."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=30)
    headers = {"Authorization": authorization, "Accept": "application/json, text/event-stream"}
    try:
        connection.request(method, parts.path, body, {**headers, "Content-Type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


SPACE = (
    "white space after an access token, a registration access token or an initial access token",
    "Bearer {}{}",
)


@leg(SPACE[0], "an MCP request")
def _(case: Case) -> None:
    token = case.client.kept.tokens["access_token"]
    for space in SPACES:
        authorization = SPACE[1].format(token, space)
        assert status_as_sent("POST", case.deployment.mcp_url, authorization, INITIALIZE) == 200


@leg(SPACE[0], "userinfo")
def _(case: Case) -> None:
    token, clean = case.client.kept.tokens["access_token"], 200 if "openid" in case.scope.split() else 403
    for space in SPACES:
        assert status_as_sent("GET", f"{case.origin}/userinfo", SPACE[1].format(token, space)) == clean


@leg(SPACE[0], "management", by_registration)
def _(case: Case) -> None:
    information = case.client.kept.information
    for space in SPACES:
        authorization = SPACE[1].format(information["registration_access_token"], space)
        assert status_as_sent("GET", information["registration_client_uri"], authorization) == 200


# Metadata


def changed(case: Case, members: dict[str, Any], leg_name: str) -> dict[str, Any]:
    """The metadata of a client that registers, or changes itself, with `members`."""
    registration = case.client.profile.registration
    assert registration
    port = str(case.client.port)
    uris = [uri.replace("PORT", port) for uri in registration.body["redirect_uris"]]
    body = {**registration.body, "redirect_uris": uris}
    sent = {**body, **members} if leg_name == "registration" else body
    answer = case.client.http.post(f"{case.origin}/register", json=sent)
    assert answer.status_code == 201, answer.text
    information: dict[str, Any] = answer.json()
    if leg_name == "its change":
        bearer = {"Authorization": f"Bearer {information['registration_access_token']}"}
        form = {**body, "client_id": information["client_id"], **members}
        answer = case.client.http.put(information["registration_client_uri"], json=form, headers=bearer)
        assert answer.status_code == 200, answer.text
        information = answer.json()
    return information


def connects_by_odd_document(case: Case, kind: str) -> None:
    """The client connects by a document that is like its own, with what is odd."""
    document = case.client.profile.document
    assert document
    odd = Document(client_id=odd_client_id(document, kind), metadata=document.metadata)
    profile = case.client.profile.model_copy(update={"document": odd})
    with Client(
        profile, "document", case.deployment.mcp_url, case.client.person, case.client.signer
    ) as client:
        client.connect()


METADATA = {
    "null": "`null`, empty text, an empty list: as if left out",
    "unknown": "members, grant types and response types that are not known: dropped",
    "logo": "a logo as a `data:` URL in `logo_uri`: dropped",
}


def check_metadata(kind: str, leg_name: str) -> None:
    applies = by_document if leg_name == "document" else by_registration

    @leg(METADATA[kind], leg_name, applies)
    def _(case: Case) -> None:
        if leg_name == "document":
            connects_by_odd_document(case, kind)
            return
        members = dict(ODD_METADATA[kind])
        if kind == "unknown":
            assert case.client.profile.registration
            own = case.client.profile.registration.body.get("grant_types", ["authorization_code"])
            members["grant_types"] = [*own, "urn:unknown"]
        information = changed(case, members, leg_name)
        assert "urn:unknown" not in information["grant_types"]
        assert (members.keys() - {"grant_types"}).isdisjoint(information)


for _kind in METADATA:
    for _leg in ("registration", "its change", "document"):
        check_metadata(_kind, _leg)


# Scopes

NOT_GRANTED = "scopes that were not granted: dropped; none left: `invalid_scope`"
UNKNOWN = "scopes that are not known: dropped; none left: the default of the resource"


@leg(NOT_GRANTED, "refresh")
def _(case: Case) -> None:
    before = case.scope
    answer = case.ask("token", {"scope": f"{before} never:granted"})
    assert (answer.status_code, answer.json().get("scope")) == (200, before)
    answer = case.ask("token", {"scope": "never:granted"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert case.ask("token").status_code == 200


def check_unknown_scopes(leg_name: str) -> None:
    @leg(UNKNOWN, leg_name)
    def _(case: Case) -> None:
        for scope, granted in (
            ("notes:read unknown", {"notes:read"}),
            ("unknown", {"notes:read", "notes:write"}),
        ):
            pkce = Pkce()
            begin = case.pushed if leg_name == "pushed" else case.authorized
            answer = case.redeemed(begin(pkce, scope=scope), pkce)
            assert answer.status_code == 200, answer.text
            assert set(answer.json()["scope"].split()) == granted


for _leg in ("authorization", "pushed"):
    check_unknown_scopes(_leg)

# Parameters

TWICE = "`resource` twice, in two spellings of one resource"
IGNORED = "parameters that are not known, or empty: ignored, and not kept"
HINTS = "hints that are too long: left out"
BASIC = "Basic credentials raw, form-encoded, or with `-` and `_` encoded, also with `client_id` in the body"
OTHER = "an `Authorization` header of another scheme than Basic, where the body names the client: ignored"
CODE = "a code twice within ten seconds, by its client with the verifier: refused, and nothing ends"


def spellings(case: Case) -> dict[str, list[str]]:
    url = case.deployment.mcp_url
    return {"resource": [url, f"{url}/".replace("http://", "HTTP://")]}


@leg(TWICE, "authorization and code")
def _(case: Case) -> None:
    pkce = Pkce()
    code = case.authorized(pkce, **spellings(case))
    assert case.redeemed(code, pkce, **spellings(case)).status_code == 200


@leg(TWICE, "pushed")
def _(case: Case) -> None:
    pkce = Pkce()
    assert case.redeemed(case.pushed(pkce, **spellings(case)), pkce).status_code == 200


@leg(TWICE, "refresh")
def _(case: Case) -> None:
    assert case.ask("token", spellings(case)).status_code == 200


@leg(CODE, "token")
def _(case: Case) -> None:
    pkce = Pkce()
    code = case.authorized(pkce)
    first, second = case.redeemed(code, pkce), case.redeemed(code, pkce)
    assert first.status_code == 200, first.text
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    assert case.deployment.server.is_active(first.json()["access_token"])


@leg(HINTS, "authorization")
def _(case: Case) -> None:
    pkce = Pkce()
    code = case.authorized(pkce, login_hint=LONG, ui_locales=LONG, acr_values="")
    assert case.redeemed(code, pkce).status_code == 200


@leg(HINTS, "pushed")
def _(case: Case) -> None:
    pkce = Pkce()
    code = case.pushed(pkce, login_hint=LONG, ui_locales=LONG, claims_locales=LONG)
    assert case.redeemed(code, pkce).status_code == 200


@leg(IGNORED, "authorization")
def _(case: Case) -> None:
    pkce = Pkce()
    code = case.authorized(pkce, unknown=LONG, another="", login_hint="", request="")
    assert case.redeemed(code, pkce, unknown=LONG, another="").status_code == 200


def _signs_encoded(text: str) -> str:
    return text.replace("-", "%2D").replace("_", "%5F")


def same(odd: httpx2.Response, clean: httpx2.Response, path: str) -> None:
    """Odd requests get the same response as plain ones, and succeed if the client may send them."""
    assert odd.status_code == clean.status_code, odd.text
    if path in ("token", "par", "revoke"):
        assert clean.is_success, clean.text
    else:
        assert odd.json().get("error") == clean.json().get("error")


def check_parameters(path: str) -> None:
    @leg(IGNORED, path)
    def _(case: Case) -> None:
        odd = {"unknown": LONG, "another": "", "login_hint": "", "request": ""}
        same(case.ask(path, odd), case.ask(path), path)


def check_credentials(path: str) -> None:
    @leg(BASIC, path, by_basic)
    def _(case: Case) -> None:
        information = case.client.kept.information
        clean = case.ask(path)
        for encode in (*ENCODINGS.values(), _signs_encoded):
            pair = f"{encode(information['client_id'])}:{encode(information['client_secret'])}"
            header = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
            for beside in ({}, {"client_id": information["client_id"]}):
                same(case.ask(path, beside, header), clean, path)

    @leg(OTHER, path, in_body)
    def _(case: Case) -> None:
        clean = case.ask(path)
        for header in ("Bearer of-something-else", "Negotiate YII=", "x"):
            same(case.ask(path, headers={"Authorization": header}), clean, path)


for _path in AUTHENTICATING:
    check_parameters(_path)
    check_credentials(_path)
