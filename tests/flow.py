"""A client and a person, driven over real HTTP: what every suite uses to walk the code flow.

The person is a plain form driver: it follows redirects, keeps cookies, fills in the fields a page shows and
presses a button. Nothing in here knows how the server works inside.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2

REDIRECT_URI = "http://127.0.0.1:53682/callback"


@dataclass
class Form:
    """An HTML form as a browser would submit it.

    Attributes:
        fields: name to value, of hidden and text inputs and ticked boxes.
        buttons: name and value of each named button.
    """

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self.forms.append(Form(attributes.get("action") or ""))
        elif tag == "input" and self.forms and (name := attributes.get("name")):
            if attributes.get("type") != "checkbox" or "checked" in attributes:
                self.forms[-1].fields[name] = attributes.get("value") or ""
        elif tag == "button" and self.forms and (name := attributes.get("name")):
            self.forms[-1].buttons.append((name, attributes.get("value") or ""))


_TAG = re.compile(r"""<(?:form|input|button)\b(?:[^>"']|"[^"]*"|'[^']*')*>""")
"""The tags that make up a form: to parse these alone takes a fifth of the time."""


def forms_of(html: str) -> list[Form]:
    """The forms on a page."""
    parser = _Forms()
    parser.feed("".join(_TAG.findall(html)))
    return parser.forms


def disconnect_links(html: str) -> list[str]:
    """The links of the account page to the confirmations that disconnect one connection each."""
    return [unescape(link) for link in re.findall(r'href="(account\?action=disconnect&amp;[^"]+)"', html)]


def asks_for_nothing(html: str) -> bool:
    """Whether a page has no form that could allow something: none but the one to log out."""
    return all(form.action.endswith("logout") for form in forms_of(html))


def offers_to_go_back(page: httpx2.Response) -> bool:
    """Whether a page shows an error with a button that tells the client of it."""
    return page.status_code == 400 and any("back" in form.fields for form in forms_of(page.text))


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, username: str = "wesen", password: str = "secret", **client_options: Any) -> None:
        self.username = username
        self.password = password
        self.browser = httpx2.Client(follow_redirects=False, timeout=30, **client_options)

    def close(self) -> None:
        self.browser.close()

    def open(self, url: str) -> httpx2.Response:
        """Open a URL and follow redirects for as long as they stay at its origin."""
        return self.follow(self.browser.get(url))

    def follow(self, response: httpx2.Response) -> httpx2.Response:
        while "location" in response.headers:
            location = urljoin(str(response.url), response.headers["location"])
            if urlsplit(location)[:2] != urlsplit(str(response.url))[:2]:
                return response
            response = self.browser.get(location)
        return response

    def submit(self, page: httpx2.Response, changes: dict[str, str | None]) -> httpx2.Response:
        """Submit the first form of `page` with `changes` to its fields; None takes a field out."""
        form = forms_of(page.text)[0]
        fields = {name: value for name, value in {**form.fields, **changes}.items() if value is not None}
        return self.follow(self.browser.post(urljoin(str(page.url), form.action), data=fields))

    def open_disconnect(self, issuer: str, grant_id: str | None = None) -> httpx2.Response:
        """Open the confirmation that disconnects a connection; without `grant_id` the last used one."""
        if grant_id is not None:
            return self.open(f"{issuer}/account?action=disconnect&grant_id={grant_id}")
        return self.open(f"{issuer}/{disconnect_links(self.open(f'{issuer}/account').text)[0]}")

    def log_in(self, page: httpx2.Response) -> httpx2.Response:
        return self.submit(page, {"username": self.username, "password": self.password})

    def authorize(self, url: str, *, decision: str = "allow", untick: tuple[str, ...] = ()) -> dict[str, str]:
        """Open an authorization URL, log in and decide as asked; the answer that reaches the client.

        From a page that says what is wrong with the request, the person goes back to the application.
        """
        response = self.open(url)
        while response.status_code == 200 or offers_to_go_back(response):
            response = self._answer(response, decision, untick)
        assert response.status_code == 303, (response.status_code, response.text)
        return dict(parse_qsl(urlsplit(response.headers["location"]).query))

    def _answer(self, page: httpx2.Response, decision: str, untick: tuple[str, ...]) -> httpx2.Response:
        form = forms_of(page.text)[0]
        if "password" in form.fields:
            return self.log_in(page)
        if "back" in form.fields:
            return self.submit(page, {})
        unticked = {name: None for name, value in form.fields.items() if value in untick}
        return self.submit(page, {"decision": decision, **unticked})


@dataclass
class Pkce:
    """A code verifier and its challenge (RFC 7636)."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Client:
    """A registered client of the authorization server at `issuer`."""

    def __init__(self, issuer: str, http: httpx2.Client, information: dict[str, Any]) -> None:
        self.issuer = issuer
        self.http = http
        self.information = information

    @classmethod
    def register(cls, issuer: str, http: httpx2.Client, **metadata: Any) -> Client:
        """Register, as a public client with refresh tokens unless `metadata` says otherwise."""
        defaults = {
            "client_name": "A test client",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        }
        response = http.post(f"{issuer}/register", json={**defaults, **metadata})
        assert response.status_code == 201, response.text
        return cls(issuer, http, response.json())

    @property
    def client_id(self) -> str:
        return str(self.information["client_id"])

    def authorization_url(self, pkce: Pkce, **parameters: str | None) -> str:
        """The URL to send a person to; None takes a parameter out."""
        defaults = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.information["redirect_uris"][0],
            "state": "a state",
            "code_challenge": pkce.challenge,
            "code_challenge_method": "S256",
        }
        query = {name: value for name, value in {**defaults, **parameters}.items() if value is not None}
        return f"{self.issuer}/authorize?{urlencode(query)}"

    def token(self, **parameters: str) -> httpx2.Response:
        """A token request, authenticated as the client registered."""
        return self._post("token", parameters)

    def revoke(self, token: str) -> httpx2.Response:
        return self._post("revoke", {"token": token})

    def introspect(self, token: str) -> httpx2.Response:
        return self._post("introspect", {"token": token})

    def refresh(self, refresh_token: str, **parameters: str) -> httpx2.Response:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token, **parameters)

    def redeem(self, code: str, pkce: Pkce, **parameters: str) -> httpx2.Response:
        redirect_uri = self.information["redirect_uris"][0]
        return self.token(
            **{
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": pkce.verifier,
                **parameters,
            }
        )

    def connect(self, person: Person, **parameters: str | None) -> dict[str, Any]:
        """The whole code flow; the token response."""
        pkce = Pkce()
        answer = person.authorize(self.authorization_url(pkce, **parameters))
        assert "code" in answer, answer
        response = self.redeem(answer["code"], pkce)
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens

    def _post(self, path: str, parameters: dict[str, str]) -> httpx2.Response:
        secret = self.information.get("client_secret")
        if secret and self.information["token_endpoint_auth_method"] == "client_secret_basic":
            auth = httpx2.BasicAuth(self.client_id, secret)
            return self.http.post(f"{self.issuer}/{path}", data=parameters, auth=auth)
        credentials = {"client_id": self.client_id, **({"client_secret": secret} if secret else {})}
        return self.http.post(f"{self.issuer}/{path}", data={**credentials, **parameters})
