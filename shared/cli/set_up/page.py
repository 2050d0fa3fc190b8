"""The requests of the set-up page."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from shared.asgi import BodyLimit, HeadLimit, RequestId, SecurityHeaders, UnhandledErrors
from shared.cli.set_up.answers import LEVELS, AnswerError, ChosenServer, chosen_server, level_of
from shared.cli.set_up.components import RunningSetUp
from shared.cli.set_up.one_time_code import Entry, new_browser_secret
from shared.cli.set_up.pages import ICON, icon, pages
from shared.languages import in_language, language_of
from shared.pages.connecting import Connecting
from shared.texts import Text

COOKIE = "doorward_set_up"
MAX_BODY_BYTES = 262_144
MAX_FIELDS = 2_000
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")

Handler = Callable[[Request], Awaitable[Response]]


def set_up_app(set_up: RunningSetUp, port: int, *, beyond_loopback: bool = False) -> Starlette:
    """Return the application of the set-up page.

    Args:
        port: where it listens.
        beyond_loopback: whether requests may come from other machines: in a container, all do.
    """
    page = SetUpPage(set_up, port, beyond_loopback=beyond_loopback)
    return Starlette(
        routes=[
            Route("/", page.guarded(page.entrance), methods=["GET"]),
            Route(ICON, icon, methods=["GET"]),
            *(
                Route(f"{page.path}/{name}", page.guarded(handler), methods=["GET", "POST"])
                for name, handler in page.steps().items()
            ),
        ],
        middleware=[
            Middleware(RequestId),
            Middleware(SecurityHeaders, secure=False),
            Middleware(UnhandledErrors),
            Middleware(HeadLimit),
            Middleware(BodyLimit, max_body_bytes=MAX_BODY_BYTES),
        ],
    )


class SetUpPage:
    """The steps, for the browser that entered the code.

    The cookie is only for a path that is drawn at the start, because browsers send the cookies of a host to
    every port of it.
    """

    def __init__(self, set_up: RunningSetUp, port: int, *, beyond_loopback: bool) -> None:
        self._set_up = set_up
        self._port = port
        self._hosts = {f"{host}:{port}" for host in ("localhost", "127.0.0.1", "[::1]")}
        self._beyond_loopback = beyond_loopback
        self._pages = pages()
        self.path = f"/{secrets.token_urlsafe(12)}"

    def steps(self) -> dict[str, Handler]:
        """Return the handlers below `path`, by name."""
        own = {
            "administrator": self.administrator,
            "server": self.server,
            "tools": self.tools,
            "connect": self.connect,
        }
        return {"enter": self.enter, **{name: self._admitted(handler) for name, handler in own.items()}}

    def guarded(self, handler: Handler) -> Handler:
        """Refuse requests from other machines and other sites, and choose the language."""

        @wraps(handler)
        async def handle(request: Request) -> Response:
            with in_language(language_of(request.scope)):
                if not self._is_own(request):
                    return self._over(403)
                return await handler(request)

        return handle

    def _is_own(self, request: Request) -> bool:
        # The host is checked against rebinding: a name of another site that leads to this machine.
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        peer = request.client.host if request.client else ""
        if host not in self._hosts or not (self._beyond_loopback or peer in LOOPBACK):
            return False
        return request.method == "GET" or origin == f"http://{host}"

    def _admitted(self, handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            if not self._set_up.one_time_code.admits(request.cookies.get(COOKIE)):
                return self._over(403)
            if self._set_up.saved.finished:
                return self._finished()
            try:
                return await handler(request)
            except AnswerError as error:
                return self._page("wrong.html", status=400, wrong=error.message)

        return handle

    async def entrance(self, _request: Request) -> Response:
        """Lead to the page that asks for the code, below the path of the cookie."""
        return self._to("enter")  # with the fragment, which browsers keep (Fetch §4.4)

    def _entrance(self, request: Request, *, wrong: str = "", status: int = 200) -> Response:
        response = self._page("code.html", status=status, wrong=wrong)
        if COOKIE not in request.cookies:
            response.set_cookie(COOKIE, new_browser_secret(), path=self.path, httponly=True, samesite="lax")
        return response

    async def enter(self, request: Request) -> Response:
        """Admit the browser that knows the code."""
        browser = request.cookies.get(COOKIE, "")
        if self._set_up.one_time_code.admits(browser):
            return self._to("administrator")
        if self._set_up.saved.finished or self._set_up.one_time_code.is_over:
            return self._over(404)
        if request.method == "GET":
            return self._entrance(request)
        form = await _form(request)
        if not browser:
            return self._entrance(request, wrong=Text("Your browser sent no cookie. Try again."), status=400)
        match self._set_up.one_time_code.enter(form.get("code", ""), browser):
            case Entry.ACCEPTED:
                return self._to("administrator")
            case Entry.WRONG:
                return self._entrance(request, wrong=Text("This code is not right."), status=403)
            case Entry.OVER:
                return self._over(403)

    async def administrator(self, request: Request) -> Response:
        """Lead to the page of the authorization server that creates the first administrator."""
        back = f"{self._port}{self.path}/server"
        query = urlencode({"link": self._set_up.link, "back": back})
        username = await self._set_up.administrator()
        url = f"{self._set_up.local.issuer}/set-up?{query}"
        return self._page(
            "administrator.html", url=url, username=username, demo=not self._set_up.local.public
        )

    async def server(self, request: Request) -> Response:
        """Ask for the MCP server, and inspect it."""
        if request.method == "GET":
            await self._set_up.administrator()  # created meanwhile
            return self._server_form(self._set_up.chosen)
        form = await _form(request)
        try:
            chosen = chosen_server(form)
            if not chosen.upstream:
                await self._set_up.use_notes()
                return self._to("connect")
            await self._set_up.inspect(chosen)
        except AnswerError as error:
            typed = ChosenServer(form.get("server", ""), form.get("name", ""))
            return self._server_form(typed, wrong=error.message, status=400)
        return self._to("tools")

    def _server_form(self, chosen: ChosenServer, *, wrong: str = "", status: int = 200) -> Response:
        return self._page(
            "server.html",
            status=status,
            server=chosen.upstream.removeprefix("stdio:"),
            name=chosen.name,
            wrong=wrong,
            fixed=self._set_up.named_by_environment,
        )

    async def tools(self, request: Request) -> Response:
        """Ask for the scope of each tool, and use the policy."""
        inventory = self._set_up.inventory
        if inventory is None:
            return self._to("server")
        if request.method == "GET":
            tools = [(tool, level_of(tool)) for tool in inventory.tools]
            return self._page("tools.html", tools=tools, levels=LEVELS, inventory=inventory)
        await self._set_up.apply(await _form(request))
        return self._to("connect")

    async def connect(self, request: Request) -> Response:
        """Show the self-check and how to connect; end the set-up."""
        if request.method == "POST":
            form = await _form(request)
            if form.get("action") == "finish":
                await self._set_up.finish()
            else:
                await self._set_up.check()
            return self._to("connect")
        if self._set_up.report is None:
            await self._set_up.check()
        return self._page("connect.html", **self._connecting(), report=self._set_up.report)

    def _finished(self) -> Response:
        return self._page("finished.html", **self._connecting())

    def _connecting(self) -> dict[str, Any]:
        local, saved = self._set_up.local, self._set_up.saved
        server = Connecting(saved.name or "Doorward notes", local.resource, hosted=local.public)
        return {"server": server, "issuer": local.issuer}

    def _over(self, status: int) -> Response:
        return self._page("over.html", status=status)

    def _to(self, step: str) -> Response:
        return RedirectResponse(f"{self.path}/{step}", 303)

    def _page(self, template: str, *, status: int = 200, **context: object) -> Response:
        response = self._pages.render(template, status=status, path=self.path, **context)
        # The code is in the fragment, which no Referer contains; but the path belongs to this page alone.
        response.headers["Referrer-Policy"] = "same-origin"
        return response


async def _form(request: Request) -> Mapping[str, str]:
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        return {}
