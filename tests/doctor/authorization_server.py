"""The authorization server of a `Pair`: registration, plain login and consent pages, tokens in memory."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tests.doctor.pair import PASSWORD, USERNAME, Answerer, Grant, Pair, not_found

_LOGIN = '<input name="username"><input name="password" type="password">'
_DECISION = '<button name="decision" value="allow"></button><button name="decision" value="deny"></button>'
_PORT = re.compile(r"(?<=^http://)(127\.0\.0\.1|localhost):\d+")


class AuthorizationServer:
    def __init__(self, pair: Pair) -> None:
        self.pair = pair

    def handler(self, path: str) -> Answerer:
        prefix = self.pair.issuer_path
        well_known = "/.well-known/o{}" + prefix
        answerers = {
            well_known.format("auth-authorization-server"): self.metadata,
            well_known.format("penid-configuration"): self.openid,
            f"{prefix}/.well-known/openid-configuration": self.openid,
            f"{prefix}/register": self.register,
            f"{prefix}/authorize": self.authorize,
            f"{prefix}/login": self.login,
            f"{prefix}/consent": self.consent,
            f"{prefix}/token": self.token,
            f"{prefix}/revoke": self.revoke,
            f"{prefix}/jwks": self.jwks,
        }
        registered = path.startswith(f"{prefix}/register/")
        return self.unregister if registered else answerers.get(path, not_found)

    async def metadata(self, _request: Request) -> Response:
        return JSONResponse(self.pair.documents.server)

    async def openid(self, _request: Request) -> Response:
        return JSONResponse(self.pair.documents.openid)

    async def jwks(self, _request: Request) -> Response:
        return JSONResponse({"keys": [{"kty": "RSA", "kid": "1", "n": "AQ", "e": "AQAB"}]})

    async def register(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204)
        metadata = await request.json()
        schemes = {uri.partition(":")[0] for uri in metadata["redirect_uris"]}
        if schemes - set(self.pair.rules.redirect_schemes):
            return _error("invalid_redirect_uri", description="that scheme is not allowed")
        client_id = f"client-{len(self.pair.state.clients)}"
        information = {**metadata, "client_id": client_id, **self._management(client_id)}
        if metadata.get("token_endpoint_auth_method") != "none":
            information.update(client_secret="s3cret", client_secret_expires_at=0)
        self.pair.state.clients[client_id] = information
        changed = {**information, **self.pair.responses.registration_members}
        members = {name: value for name, value in changed.items() if value != "ABSENT"}
        return JSONResponse(members, self.pair.responses.registration_status)

    def _management(self, client_id: str) -> dict[str, str]:
        url = f"{self.pair.issuer}/register/{client_id}"
        return {"registration_client_uri": url, "registration_access_token": f"rat-{client_id}"}

    async def unregister(self, request: Request) -> Response:
        client_id = request.url.path.rpartition("/")[2]
        if request.headers.get("authorization") != f"Bearer rat-{client_id}":
            return _error("invalid_token", 401)
        del self.pair.state.clients[client_id]
        return Response(status_code=204)

    async def authorize(self, request: Request) -> Response:
        parameters = dict(parse_qsl(request.url.query))
        client = self.pair.state.clients.get(parameters.get("client_id", ""))
        if client is None or not self._is_registered(parameters["redirect_uri"], client["redirect_uris"]):
            return HTMLResponse("<p>unknown client or redirect URI", 400)
        if not self._is_resource(parameters.get("resource", "")):
            return self._answer(parameters, {"error": "invalid_target"})
        number = secrets.token_hex(8)
        self.pair.state.pending[number] = parameters
        return _page(f"{self.pair.issuer_path}/login", number, _LOGIN)

    def _is_registered(self, uri: str, registered: list[str]) -> bool:
        if not self.pair.rules.any_port:
            return uri in registered
        return _PORT.sub(r"\1", uri) in {_PORT.sub(r"\1", registered_uri) for registered_uri in registered}

    def _is_resource(self, resource: str) -> bool:
        registered_uri = self.pair.documents.resource["resource"]
        return resource == registered_uri or (
            self.pair.rules.any_spelling and resource.rstrip("/") == registered_uri.rstrip("/")
        )

    async def login(self, request: Request) -> Response:
        form = await _form(request)
        if (form["username"], form["password"]) != (USERNAME, PASSWORD):
            fields = '<input name="username"><input name="password" type="password"><p>wrong'
            return _page(f"{self.pair.issuer_path}/login", form["number"], fields, 401)
        buttons = (
            '<button name="decision" value="allow"></button><button name="decision" value="deny"></button>'
        )
        return _page(f"{self.pair.issuer_path}/consent", form["number"], buttons)

    async def consent(self, request: Request) -> Response:
        form = await _form(request)
        parameters = self.pair.state.pending.pop(form["number"])
        code = f"code-{secrets.token_hex(8)}"
        self.pair.state.codes[code] = parameters
        return self._answer(parameters, {"code": code})

    def _answer(self, request: Mapping[str, str], members: dict[str, str]) -> Response:
        answer = {
            **members,
            "state": request["state"],
            "iss": self.pair.issuer,
            **self.pair.responses.answer_members,
        }
        query = urlencode({name: value for name, value in answer.items() if value is not None})
        return RedirectResponse(f"{request['redirect_uri']}?{query}", 303)

    async def token(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204)
        form = await _form(request)
        client_id = form.get("client_id") or _basic_id(request)
        if client_id not in self.pair.state.clients:
            return _error("invalid_client", 401)
        grant = self._grant(form, client_id)
        return self._tokens(grant) if isinstance(grant, Grant) else grant

    def _grant(self, form: Mapping[str, str], client_id: str) -> Grant | Response:
        if form["grant_type"] == "refresh_token":
            return self._refreshed(form["refresh_token"])
        request = self.pair.state.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if request is None or request["code_challenge"] != challenge:
            return _error("invalid_grant")
        scopes = request.get("scope", "").split() if self.pair.rules.grants_more else ["tools:read"]
        grant = Grant(client_id, scopes, len(self.pair.state.grants))
        self.pair.state.grants.append(grant)
        return grant

    def _refreshed(self, token: str) -> Grant | Response:
        if not self.pair.rules.refreshes:
            return _error("invalid_scope")
        _, number, generation = token.split("-")
        grant = self.pair.state.grants[int(number)]
        replayed = int(generation) < grant.generation
        if replayed and not self.pair.rules.forgives_replay:
            grant.alive = False
        if not grant.alive:
            return _error(self.pair.rules.dead_refresh_error)
        if self.pair.rules.rotates and not replayed:
            grant.generation += 1
        return grant

    def _tokens(self, grant: Grant) -> Response:
        tokens: dict[str, Any] = {
            "access_token": f"at-{grant.number}-{grant.generation}",
            "token_type": "Bearer",
            "expires_in": 600,
            "refresh_token": f"rt-{grant.number}-{grant.generation}",
            "scope": " ".join(grant.scopes),
        }
        changed = {**tokens, **self.pair.responses.token_members}
        members = {name: value for name, value in changed.items() if value != "ABSENT"}
        return JSONResponse(members, headers=self.pair.responses.token_headers)

    async def revoke(self, request: Request) -> Response:
        token = (await _form(request))["token"]
        if self.pair.rules.revokes:
            self.pair.state.grants[int(token.split("-")[1])].alive = False
        return Response(status_code=200)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


def _basic_id(request: Request) -> str:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    return base64.b64decode(value).decode().partition(":")[0] if kind == "Basic" else ""


def _error(code: str, status: int = 400, description: str = "no") -> Response:
    return JSONResponse({"error": code, "error_description": description}, status)


def _page(action: str, number: str, fields: str, status: int = 200) -> Response:
    hidden = f'<input type="hidden" name="number" value="{escape(number)}">'
    return HTMLResponse(f'<form method="post" action="{action}">{hidden}{fields}</form>', status)
