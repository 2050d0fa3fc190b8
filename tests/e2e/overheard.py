"""Collects the secrets in all requests and responses of a run, and finds them however they are encoded."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

import httpx2

from tests.e2e.dump import Entry, candidates

_HANDLE = re.compile(r"dw_[a-z]{2}_[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]{8,})?")
_KEY = re.compile(r'<code class="secret">([A-Z2-7 ]+)</code>')
_RECOVERY_CODE = re.compile(r"<li><code>([a-z2-7-]+)</code></li>")
_CHALLENGE = re.compile(r'"challenge": ?"([A-Za-z0-9_-]{16,})"')
_LINK = re.compile(r"/((?:connect|approve)/)([A-Za-z0-9_-]{16,})")
_FIELDS = frozenset(
    {
        *(
            "password",
            "new_password",
            "code",
            "csrf",
            "credential",
            "link",
            "pending",
            "device_code",
            "user_code",
            "state",
        ),
        *("token", "refresh_token", "subject_token", "client_secret", "code_verifier", "client_assertion"),
        *("access_token", "id_token", "registration_access_token", "request_uri", "nonce"),
    }
)
_END = 20
"""Characters at the end of a secret that must not be shown either: log lines show the kind of a token."""


@dataclass
class Overheard:
    """The secrets of a run, by what they are."""

    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def hooks(self) -> dict[str, list[Any]]:
        """The event hooks of a client whose traffic is searched for secrets."""
        return {"request": [self._note_request], "response": [self._note_response]}

    @property
    def kinds(self) -> set[str]:
        """Each kind of secret that was used."""
        return set(self.secrets.values())

    def add(self, kind: str, *secrets: str) -> None:
        """Note secrets; a short one would be found by chance."""
        for secret in secrets:
            if len(secret) >= 8:
                self.secrets.setdefault(secret, kind)

    def hear(self, text: str) -> None:
        """Note all secrets that their form shows."""
        for handle in _HANDLE.findall(text):
            self.add(handle[:6], handle)
        for page_of, name in _LINK.findall(text):
            self.add(page_of, name)
        page = unescape(text)
        self.add("key of an authenticator app", *(key.replace(" ", "") for key in _KEY.findall(page)))
        self.add("recovery code", *_RECOVERY_CODE.findall(page))
        self.add("challenge", *_CHALLENGE.findall(page))

    def _note_request(self, request: httpx2.Request) -> None:
        text = request.read().decode("latin-1")
        self.hear(f"{request.url} {text}")
        self._note_fields(parse_qsl(urlsplit(str(request.url)).query) + parse_qsl(text))
        kind, _, credentials = request.headers.get("authorization", "").partition(" ")
        self.add(f"Authorization: {kind}", credentials)
        self.add("DPoP proof", request.headers.get("dpop", ""))
        self.add("MCP session", request.headers.get("mcp-session-id", ""))

    def _note_response(self, response: httpx2.Response) -> None:
        response.read()
        self.hear(f"{response.headers.get('location', '')} {response.text}")
        self._note_fields(parse_qsl(urlsplit(response.headers.get("location", "")).query))
        for cookie in response.headers.get_list("set-cookie"):
            self.add("cookie", cookie.partition("=")[2].partition(";")[0])
        with suppress(ValueError):
            body = json.loads(response.text)
            self._note_fields(body.items() if isinstance(body, dict) else ())

    def _note_fields(self, fields: Iterable[tuple[str, Any]]) -> None:
        for name, value in fields:
            if name in _FIELDS and isinstance(value, str):
                self.add(name, value)

    def leaks(self, place: str, text: str) -> list[tuple[str, str, str]]:
        """Return each secret that a text contains: the place, what it is, and the secret."""
        searched = "\n".join(_readings("\n".join(dict.fromkeys(text.splitlines()))))
        return [
            (place, kind, secret)
            for secret, kind in self.secrets.items()
            if any(form in searched for form in _forms(secret))
        ]


def _readings(text: str) -> Iterator[str]:
    """Yield a text as it is, and without what may be encoded in it."""
    yield from (text, unquote(text), unquote(unquote(text)), unescape(text))
    yield from candidates([Entry("", None, tuple(text.encode().splitlines()))])


def _forms(secret: str) -> set[str]:
    bare = re.sub(r"\Adw_[a-z]{2}_", "", secret)
    ends = {bare[-_END:]} if len(bare) > 2 * _END else {bare}
    return {
        quote(bare, safe=""),
        quote_plus(bare),
        escape(bare),
        json.dumps(bare)[1:-1],
        *ends,
        *_base64(bare),
    }


def _base64(secret: str) -> Iterator[str]:
    """Yield the secret in the middle of other text that was encoded, however that is aligned."""
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b" " * shift + secret.encode()).decode().rstrip("=")
            yield encoded[4 if shift else 0 : -2]
