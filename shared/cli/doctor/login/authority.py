"""The authorization server from a client's point of view, with the endpoints that it announces."""

from __future__ import annotations

from typing import Any

from shared.cli.doctor import messages
from shared.cli.doctor.discovery import with_query
from shared.cli.doctor.documents import Document, document_of, text_member
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.exchange import Exchange, Request
from shared.cli.doctor.fetch import Fetch
from shared.cli.doctor.login.browser import CannotLogInError
from shared.cli.doctor.login.client import Credentials
from shared.cli.doctor.urls import is_web_url, same_origin


class Authority:
    """Sends the requests, and remembers what must be cleaned up at the end."""

    def __init__(self, evidence: Evidence, ask: Fetch) -> None:
        self._evidence = evidence
        self._ask = ask
        self._registrations: list[Document] = []
        self._granted: dict[str, Credentials] = {}

    def endpoint(self, name: str) -> str:
        """Return the URL of an endpoint.

        Raises:
            CannotLogInError: the endpoint is not announced.
        """
        url = self._evidence.server_url(name)
        if url is None:
            raise CannotLogInError(f"there is no {name}")
        return url

    def offers(self, name: str) -> bool:
        """Check whether an endpoint is announced."""
        return self._evidence.server_url(name) is not None

    def authorization_url(self, parameters: dict[str, str]) -> str:
        """Return the URL to which the client sends the person."""
        return with_query(self.endpoint("authorization_endpoint"), parameters)

    async def register(self, body: dict[str, Any]) -> Exchange:
        """Register a client (RFC 7591)."""
        exchange = await self._ask(messages.post_json(self.endpoint("registration_endpoint"), body))
        if (document := document_of(exchange)) is not None:
            self._registrations.append(document)
        return exchange

    async def token(self, credentials: Credentials, fields: dict[str, str]) -> Exchange:
        """Send a token request."""
        exchange = await self._ask(credentials.request(self.endpoint("token_endpoint"), fields))
        if token := text_member(document_of(exchange), "refresh_token"):
            self._granted[token] = credentials
        return exchange

    async def refresh(self, credentials: Credentials, refresh_token: str, resource: str | None) -> Exchange:
        """Send a refresh request (RFC 6749 §6)."""
        target = {"resource": resource} if resource else {}
        fields = {"grant_type": "refresh_token", "refresh_token": refresh_token, **target}
        return await self.token(credentials, fields)

    async def revoke(self, credentials: Credentials, token: str, kind: str) -> Exchange:
        """Revoke a token (RFC 7009)."""
        fields = {"token": token, "token_type_hint": kind}
        exchange = await self._ask(credentials.request(self.endpoint("revocation_endpoint"), fields))
        if exchange.status == 200:
            self._granted.pop(token, None)
        return exchange

    async def take_everything_back(self) -> None:
        """Revoke remaining tokens and delete registrations, as far as the server supports it."""
        if self.offers("revocation_endpoint"):
            for token, credentials in list(self._granted.items()):
                await self.revoke(credentials, token, "refresh_token")
        for document in self._registrations:
            await self._delete(document)

    async def _delete(self, registration: Document) -> None:
        """Delete a registration (RFC 7592 §2.3); send the token only to the server that issued it."""
        url = text_member(registration, "registration_client_uri")
        token = text_member(registration, "registration_access_token")
        if url and token and is_web_url(url) and same_origin(url, self.endpoint("registration_endpoint")):
            await self._ask(Request(method="DELETE", url=url, headers={"Authorization": f"Bearer {token}"}))
