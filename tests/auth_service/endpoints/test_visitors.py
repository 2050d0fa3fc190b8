"""The URLs of the authorization server in a browser: a page, where programs get JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import pytest

from shared.storage import Store, StoreUnavailableError
from tests.auth_service.service import MASTER_KEY, RESOURCE_SECRET, AuthorizationServer, running
from tests.visiting import BROWSER, PROGRAMS, is_page

pytestmark = pytest.mark.requirement("ID-11")

ERRORS = [
    ("/nothing", 404),
    ("/nothing/below/it", 404),
    ("/.well-known/nothing", 404),
    ("/static/nothing.css", 404),
    ("/token", 405),
    ("/register", 405),
    ("/userinfo", 401),
    ("/register/nobody", 401),
    (f"/nothing?{'x' * 41_000}", 414),
]


@pytest.fixture(scope="module", params=["", "/auth"])
def visited(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthorizationServer]:
    """A server at the root of its host, and one below it."""
    issuer = f"https://login.example{request.param}"
    with running(f"sqlite:///{tmp_path_factory.mktemp('visited')}/x.db", issuer=issuer) as server:
        yield server


@pytest.fixture
def base(visited: AuthorizationServer) -> str:
    """Its issuer, as this machine reaches it."""
    return f"{visited.origin}{urlsplit(visited.issuer).path}"


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=30, trust_env=False) as http:
        yield http


@pytest.mark.parametrize(("path", "status"), ERRORS)
def test_an_error_is_a_page_for_a_person_and_the_same_error(
    base: str, http: httpx2.Client, path: str, status: int
) -> None:
    response, page = http.get(f"{base}{path}"), http.get(f"{base}{path}", headers=BROWSER)
    assert (response.status_code, page.status_code) == (status, status)
    assert not is_page(response)
    assert is_page(page)
    for name in ("www-authenticate", "allow", "access-control-allow-origin"):
        assert page.headers.get(name) == response.headers.get(name)
    assert response.json()["error"] in page.text
    assert page.headers["x-request-id"] in page.text
    head = http.head(f"{base}{path}", headers=BROWSER)
    assert (head.status_code, head.content) == (status, b"")
    assert is_page(head)


@pytest.mark.parametrize("accept", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("path", ["/", "/nothing", "/token", "/userinfo"])
def test_a_program_gets_json_and_nothing_is_at_the_root(
    base: str, http: httpx2.Client, path: str, accept: str
) -> None:
    response = http.get(f"{base}{path}", headers={"Accept": accept})
    assert response.status_code in (401, 404, 405)
    assert not is_page(response)
    assert response.json().keys() == {"error", "error_description", "reason_code", "request_id"}


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_root_says_who_this_is_and_where_a_person_may_want_to_go(
    base: str, http: httpx2.Client, visited: AuthorizationServer, slash: str
) -> None:
    page = http.get(f"{base}{slash}", headers=BROWSER)
    assert page.status_code == 200
    assert is_page(page)
    for path in ("account", "device", "docs"):
        assert f'href="{visited.issuer}/{path}"' in page.text
        assert http.get(f"{base}/{path}", headers=BROWSER).status_code in (200, 303)
    head = http.head(f"{base}{slash}", headers=BROWSER)
    assert (head.status_code, head.content) == (200, b"")
    for secret in (MASTER_KEY, RESOURCE_SECRET, "mcp.example", "wesen"):
        assert secret not in page.text
    for method in ("POST", "DELETE", "OPTIONS"):
        assert http.request(method, f"{base}/").status_code == 404


@pytest.mark.parametrize(
    ("path", "end"),
    [
        *(("/admin/", "/login?to=admin"), ("/account/", "/login"), ("/login/?to=admin", "/login?to=admin")),
        *(("/device/?user_code=WDJB", "/device?user_code=WDJB"), ("/docs/", "/docs")),
    ],
)
def test_a_slash_at_the_end_leads_to_the_page_all_the_same(
    base: str, http: httpx2.Client, path: str, end: str
) -> None:
    page = http.get(f"{base}{path}", headers=BROWSER, follow_redirects=True)
    assert page.status_code == 200
    assert str(page.url) == f"{base}{end}"
    assert http.get(f"{base}{path}").status_code == 404  # to a program nothing is there


def test_a_program_that_prefers_html_still_gets_json_from_what_is_posted_by_programs(
    server: AuthorizationServer,
) -> None:
    java = {"Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}
    for path in ("token", "revoke", "introspect", "par", "register", "device_authorization"):
        response = server.http.post(f"{server.origin}/{path}", headers=java)
        assert response.headers["content-type"] == "application/json", path


@pytest.mark.parametrize(
    ("failure", "status"), [(StoreUnavailableError("away"), 503), (RuntimeError("a secret"), 500)]
)
def test_an_outage_and_a_defect_are_pages_too(tmp_path: Path, failure: Exception, status: int) -> None:
    class Failing:
        def __init__(self, store: Store) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        async def ping(self) -> None:
            raise failure

    def around(store: Store) -> Store:
        return cast("Store", Failing(store))

    with running(f"sqlite:///{tmp_path}/x.db", around=around) as server:
        page, response = server.get("/health", **BROWSER), server.get("/health")
        assert (page.status_code, response.status_code) == (status, status)
        assert page.headers.get("retry-after") == response.headers.get("retry-after")
        assert (status == 503) == ("retry-after" in page.headers)
        assert is_page(page)
        assert not is_page(response)
        assert "a secret" not in page.text
        server.failures.clear()


def test_a_posted_form_that_is_too_large_is_answered_with_a_page(server: AuthorizationServer) -> None:
    posted = {**BROWSER, "Origin": server.origin}
    page = server.http.post(f"{server.origin}/login", content=b"a" * 70_000, headers=posted)
    assert page.status_code == 413
    assert is_page(page)
    assert not is_page(server.http.post(f"{server.origin}/login", content=b"a" * 70_000))
