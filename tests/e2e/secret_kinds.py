"""Each kind of secret that a full flow gives out, with the way to use it."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

from shared.cli.installation import RESOURCE_SERVER_ID
from tests.cookies import cookie_name
from tests.e2e.aftermath import DEVICE_CODE, Flow
from tests.e2e.volley import Answer, post, request
from tests.flow import forms_of


@dataclass(frozen=True)
class Secret:
    """A kind of secret.

    Attributes:
        real: one that was given out and is good.
        use: the request that tries a text as such a secret, with everything else right.
        opens: whether the answer to it is one that the real secret would get.
        prefix: what such secrets begin with.
        costly: a try is slow, so only the stored form of this secret is tried.
    """

    name: str
    real: str
    use: Callable[[str], bytes]
    opens: Callable[[Answer], bool]
    prefix: str = ""
    costly: bool = False


def secrets_of(flow: Flow) -> list[Secret]:
    """Each kind of secret that the flow has left with somebody."""
    return [*_tokens(flow), *_credentials(flow), *_of_the_browser(flow), *_names_of_requests(flow)]


def _tokens(flow: Flow) -> list[Secret]:
    mine = {"client_id": flow.public.client_id}
    redemption = {"grant_type": "authorization_code", "code_verifier": flow.pkce.verifier, **mine}
    device = {"grant_type": DEVICE_CODE, **mine}
    return [
        Secret(
            "access token",
            flow.tokens["access_token"],
            lambda text: post("/introspect", {"token": text}, flow.deployment.authorization),
            lambda answer: bool(answer.json["active"]),
            "dw_at_",
        ),
        Secret(
            "refresh token",
            flow.tokens["refresh_token"],
            lambda text: post("/token", {"grant_type": "refresh_token", "refresh_token": text, **mine}),
            lambda answer: answer.status == 200,
            "dw_rt_",
        ),
        Secret(
            "code",
            flow.code,
            lambda text: post("/token", {**redemption, "code": text}),
            lambda answer: answer.status == 200,
            "dw_ac_",
        ),
        Secret(
            "device code",
            flow.device_code,
            lambda text: post("/token", {**device, "device_code": text}),
            lambda answer: answer.json["error"] == "authorization_pending",
            "dw_dc_",
        ),
    ]


def _credentials(flow: Flow) -> list[Secret]:
    client = flow.confidential
    management = f"/register/{client.client_id}"
    return [
        Secret(
            "client secret",
            client.information["client_secret"],
            lambda text: post("/introspect", {"token": "any"}, _basic(client.client_id, text)),
            lambda answer: answer.status == 200,
            "dw_cs_",
        ),
        Secret(
            "registration access token",
            client.information["registration_access_token"],
            lambda text: request("GET", management, {"Authorization": f"Bearer {text}"}),
            lambda answer: answer.status == 200,
            "dw_cr_",
        ),
        Secret(
            "initial access token",
            flow.invitation,
            _registration,
            lambda answer: answer.status == 201,
            "dw_ir_",
        ),
        Secret(
            "secret of the resource server",
            flow.deployment.resource_secret,
            lambda text: post("/introspect", {"token": "any"}, _basic(RESOURCE_SERVER_ID, text)),
            lambda answer: answer.status == 200,
        ),
    ]


def _of_the_browser(flow: Flow) -> list[Secret]:
    cookies, issuer = flow.person.browser.cookies, flow.deployment.issuer
    of_browser, of_session = cookie_name(issuer, "browser"), cookie_name(issuer, "session")
    browser, session = cookies[of_browser], cookies[of_session]
    page = forms_of(flow.person.browser.get(f"{flow.deployment.issuer}/login").text)[0]
    networks = itertools.count()

    def log_in(text: str) -> bytes:
        form = {**page.fields, "username": flow.person.username, "password": text}
        headers = {
            "Cookie": f"{of_browser}={browser}",
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Forwarded-For": f"10.0.0.{next(networks)}",
        }
        return request("POST", "/login", headers, urlencode(form))

    return [
        Secret(
            "session cookie",
            session,
            lambda text: request(
                "GET", "/account", {"Cookie": f"{of_browser}={browser}; {of_session}={text}"}
            ),
            lambda answer: answer.status == 200,
        ),
        Secret(
            "secret of the browser",
            browser,
            lambda text: request("GET", f"/login?pending={flow.pending}", {"Cookie": f"{of_browser}={text}"}),
            lambda answer: answer.status == 200,
        ),
        Secret("password", flow.person.password, log_in, lambda answer: answer.status == 303, costly=True),
    ]


def _names_of_requests(flow: Flow) -> list[Secret]:
    name = cookie_name(flow.deployment.issuer, "browser")
    browser = f"{name}={flow.person.browser.cookies[name]}"
    client_id = flow.public.client_id
    return [
        Secret(
            "id of a pending request",
            flow.pending,
            lambda text: request("GET", f"/login?{urlencode({'pending': text})}", {"Cookie": browser}),
            lambda answer: answer.status == 200,
        ),
        Secret(
            "name of a pushed request",
            flow.pushed,
            lambda text: request(
                "GET", f"/authorize?{urlencode({'client_id': client_id, 'request_uri': text})}", {}
            ),
            lambda answer: answer.headers.get("location", "").startswith("login?"),
            "urn:ietf:params:oauth:request_uri:",
        ),
    ]


def _registration(initial_access_token: str) -> bytes:
    headers = {"Authorization": f"Bearer {initial_access_token}", "Content-Type": "application/json"}
    return request("POST", "/register", headers, '{"redirect_uris": ["https://client.example/"]}')


def _basic(name: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{quote_plus(name)}:{quote_plus(secret)}'.encode()).decode()}"
