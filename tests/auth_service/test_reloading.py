"""Settings that a file declares count in a running server within a second, on both stores (ID-12)."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import anyio
import httpx2
import pytest
import uvicorn
from structlog.testing import capture_logs

from auth_service import reloading
from auth_service.crypto.keyring import KeyRing
from auth_service.declarative.applied import DeclarativeConfiguration
from auth_service.declarative.document import parse_document
from auth_service.declarative.exported import exported
from auth_service.declarative.plan import plan
from auth_service.main import create_reloading_app
from auth_service.protocol.access import closed_access
from auth_service.settings import AuthSettings
from shared.asgi.direct_protocol import DirectProtocol
from shared.clock import system_clock
from shared.storage import Store, open_store
from tests.auth_service.service import USUAL, MovableClock
from tests.servers import free_port, wait_until
from tests.stores import NewStore

T = TypeVar("T")

pytestmark = pytest.mark.requirement("ID-12")

SECRET = "the-secret-of-the-declared-server-0123456789"
WIKI = "https://wiki.example/mcp"
FILE = f"""
resource_servers:
  entries:
    wiki:
      secret: env:WIKI
      resources:
        - {{resource: '{WIKI}', name: Wiki, scopes: {{'wiki:read': Read the wiki}}}}
identity_providers:
  entries:
    corp:
      issuer: https://id.example
      client_id: doorward
      client_secret: file:/run/corp
      label: Example Corp
      allow: {{domains: [corp.example, another.example]}}
"""


def read_secret(_: str) -> str:
    return SECRET


def with_store(store_url: str, call: Callable[[Store], Awaitable[T]]) -> T:
    """Call a function with the store of a running server, as a command does."""

    async def run() -> T:
        store = open_store(store_url)
        try:
            return await call(store)
        finally:
            await store.aclose()

    return anyio.run(run)


def settings(store_url: str, port: int, **changes: Any) -> AuthSettings:
    return AuthSettings(**{**USUAL, "issuer": f"http://127.0.0.1:{port}", "store": store_url, **changes})


@contextmanager
def serving(store_url: str, **changes: Any) -> Iterator[str]:
    """A server as `doorward auth` runs it; its URL."""
    port = free_port()
    app = create_reloading_app(settings(store_url, port, **changes), open_store(store_url), MovableClock())
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            port=port,
            log_config=None,
            lifespan="on",
            http=DirectProtocol,
            proxy_headers=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=2,
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def configuration(store: Store, master_keys: str | None = None) -> DeclarativeConfiguration:
    keys = settings("sqlite:////tmp/none", 1, **({"master_keys": master_keys} if master_keys else {}))
    return DeclarativeConfiguration.of_store(store, system_clock, closed_access(), KeyRing(keys.master_keys))


def apply(store_url: str, text: str, **keys: str) -> int:
    """Apply a file; how many changes there were."""

    async def run(store: Store) -> int:
        here = configuration(store, **keys)
        changes = plan(parse_document(text.encode(), read_secret), await here.state())
        for change in changes:
            await here.apply(change)
        return len(changes)

    return with_store(store_url, run)


def export(store_url: str) -> str:
    async def run(store: Store) -> str:
        return exported(await configuration(store).state())

    return with_store(store_url, run)


def introspects(url: str, http: httpx2.Client | None = None) -> bool:
    """Whether the declared resource server is one."""
    with nullcontext(http) if http else httpx2.Client(trust_env=False, timeout=30) as client:
        response = client.post(f"{url}/introspect", data={"token": "x"}, auth=("wiki", SECRET))
    return response.status_code == 200


def offers(url: str) -> bool:
    """Whether the login page has a button for the declared provider."""
    return "Example Corp" in httpx2.get(f"{url}/login", trust_env=False, timeout=30).text


def scopes(url: str) -> list[str]:
    metadata = httpx2.get(f"{url}/.well-known/oauth-authorization-server", trust_env=False, timeout=30)
    supported: list[str] = metadata.json()["scopes_supported"]
    return supported


def behaviour(url: str) -> tuple[object, ...]:
    return introspects(url), offers(url), scopes(url)


def test_declared_settings_are_looked_for_twice_a_second() -> None:
    assert reloading.LOOK_EVERY_S <= 0.5


def test_declared_settings_count_in_a_running_server_and_end_when_they_are_removed(store_url: str) -> None:
    with serving(store_url) as url, httpx2.Client(trust_env=False, timeout=30) as connected_before:
        before = behaviour(url)
        assert before[:2] == (False, False)
        assert not introspects(url, connected_before)
        assert apply(store_url, FILE) == 2
        wait_until(lambda: introspects(url))
        assert introspects(url, connected_before)
        assert offers(url)
        assert "wiki:read" in scopes(url)
        apply(store_url, "resource_servers: {prune: true, entries: {}}")
        wait_until(lambda: not introspects(url))
        assert offers(url)
        apply(store_url, "identity_providers: {prune: true, entries: {}}")
        wait_until(lambda: behaviour(url) == before)


def test_a_file_and_its_export_leave_nothing_to_do_and_restore_a_wiped_installation(
    new_store: NewStore,
) -> None:
    first, second = new_store(), new_store()
    assert apply(first, FILE) == 2
    assert apply(first, FILE) == 0
    text = export(first)
    assert SECRET not in text
    assert apply(first, text) == 0
    apply(second, text)
    assert export(second) == text
    with serving(first) as one, serving(second) as other:
        assert behaviour(one) == behaviour(other)
        assert behaviour(other)[:2] == (True, True)


def test_secrets_are_sealed_and_sealed_again_under_a_newer_master_key(store_url: str) -> None:
    apply(store_url, FILE)
    old = USUAL["master_keys"]
    newer = f"2:{'B' * 43}="
    with serving(store_url, master_keys=f"{newer},{old}") as url:
        assert introspects(url)
    stored = with_store(store_url, lambda store: configuration(store).settings.stored())
    assert stored
    assert SECRET.encode() not in stored
    with serving(store_url, master_keys=newer) as url:
        assert behaviour(url)[:2] == (True, True)


def test_the_environment_takes_precedence_and_conflicting_settings_are_ignored_and_reported(
    store_url: str,
) -> None:
    resource = USUAL["resource_servers"][0]["resources"][0]["resource"]
    apply(
        store_url,
        f"""
resource_servers:
  entries:
    resource: {{secret: env:X, resources: [{{resource: https://elsewhere.example/mcp, name: Elsewhere}}]}}
    thief: {{secret: env:X, resources: [{{resource: '{resource}', name: Notes}}]}}
    wiki: {{secret: env:X, resources: [{{resource: '{WIKI}', name: Wiki}}]}}
""",
    )
    with capture_logs() as logs, serving(store_url) as url:
        assert introspects(url)
    refused = {log["name"]: log["reason"] for log in logs if log["event"] == "declared setting not used"}
    assert refused.keys() == {"resource", "thief"}
    assert "same URL" in refused["thief"]
    assert SECRET not in repr(logs)


def test_a_secret_that_cannot_be_decrypted_leaves_its_setting_out(store_url: str) -> None:
    apply(store_url, FILE, master_keys=f"2:{'B' * 43}=")
    with serving(store_url) as url:
        assert behaviour(url)[:2] == (False, False)
        assert apply(store_url, FILE) == 2
        wait_until(lambda: introspects(url))
