"""No secret of a run at debug level is in a log, the journal, the metrics or a trace."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from tests.auth_service.federation.provider import FakeProvider, fake_provider
from tests.cli.command import doorward, up, up_again
from tests.collector import Collector, collecting
from tests.e2e.overheard import Overheard
from tests.e2e.secret_run import EXCHANGE, Run, overheard
from tests.e2e.upstream_run import upstream_run
from tests.gateway.upstreams import forked_stdio
from tests.servers import two_free_ports, wait_until

pytestmark = [pytest.mark.long, pytest.mark.requirement("JR-4", "SEC-10")]

POLICY = """\
scopes: {"notes:read": Use notes}
default: "notes:read"
journal: {add: full, who: hash}
"""
KINDS = {
    *("dw_ac_", "dw_at_", "dw_rt_", "dw_cs_", "dw_cr_", "dw_dc_", "dw_ir_", "dw_al_"),
    *("Authorization: Basic", "DPoP proof", "argument", "challenge", "code", "code_verifier", "cookie"),
    *("credential", "csrf", "id_token", "key of an authenticator app", "nonce", "password", "pending"),
    *("recovery code", "request_uri", "sent to the provider", "user_code"),
}
"""The kinds of secrets that the run must have used."""
KINDS_OF_UPSTREAMS = {
    *("dw_ac_", "dw_at_", "dw_rt_", "approve/", "connect/", "configured", "MCP session", "argument"),
    *("token of the provider", "sent to the provider/token", "sent to the provider/revoke", "state"),
    "sent to an MCP server",
}
FORMATS = ("jsonl", "ocsf", "otlp")


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as started:
        yield started


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with fake_provider() as started:
        yield started


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return two_free_ports()


@pytest.fixture(scope="module")
def run(
    collector: Collector, provider: FakeProvider, metrics_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    directory = tmp_path_factory.mktemp("secrets")
    with up(directory) as first:  # the rule of the exchange names its client
        made = doorward("clients", "add", "Exchanger", "--grant", EXCHANGE, cwd=directory)
    assert made.returncode == 0, made.stderr
    mcp_url = f"http://localhost:{first.resource_port}/mcp"
    exchanger = {"token_endpoint_auth_method": "client_secret_basic", **credentials(made.stdout)}
    rule = {
        "client_id": exchanger["client_id"],
        "sources": [mcp_url],
        "targets": [mcp_url],
        "mode": "delegation",
    }
    (directory / "policy.yaml").write_text(POLICY)
    settings = {
        "DOORWARD_LOG_LEVEL": "debug",
        "DOORWARD_METRICS_PORT": str(metrics_port),
        "DOORWARD_TRACES_ENDPOINT": collector.url,
        "DOORWARD_TRACES_PER_SECOND": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "DOORWARD_TOKEN_EXCHANGE": json.dumps([rule]),
        "DOORWARD_OPEN_CLIENT_CREDENTIALS": "true",
        "DOORWARD_REGISTRATIONS_PER_MINUTE": "1000",
        "DOORWARD_IDENTITY_PROVIDERS": json.dumps([provider.configuration()]),
        "DOORWARD_FETCH_LOOPBACK": "true",
        "DOORWARD_POLICY": str(directory / "policy.yaml"),
        "DOORWARD_UPSTREAM": forked_stdio("tests.gateway.servers.plain"),
    }
    with up_again(first, **settings) as running, overheard(running, exchanger) as run:
        run.traffic.hear(made.stdout)
        run.all(provider)
        yield run


def credentials(output: str) -> dict[str, str]:
    """The client id and the secret that a command prints."""
    members: dict[str, str] = json.loads(output)
    return {name: members[name] for name in ("client_id", "client_secret")}


def metrics(first_port: int) -> str:
    """The metrics of both services."""
    urls = (f"http://127.0.0.1:{port}/metrics" for port in (first_port, first_port + 1))
    return "".join(httpx2.get(url, trust_env=False).text for url in urls)


def exports(directory: Path, **settings: str) -> dict[str, str]:
    """The journal in each of its forms."""
    made = {
        form: doorward("audit", "export", "--format", form, cwd=directory, **settings) for form in FORMATS
    }
    assert all(each.returncode == 0 and each.stdout for each in made.values()), made
    return {f"journal as {form}": each.stdout for form, each in made.items()}


def kinds_of_events(searched: dict[str, str]) -> set[str]:
    return {json.loads(line)["kind"] for line in searched["journal as jsonl"].splitlines()}


def test_no_secret_of_a_run_at_debug_level_is_in_a_log_the_journal_the_metrics_or_a_trace(
    run: Run, collector: Collector, metrics_port: int
) -> None:
    assert run.traffic.kinds >= KINDS
    wait_until(lambda: bool(collector.named("upstream")))
    state = run.running.directory / ".doorward"
    searched = {
        "logs": "".join((state / name).read_text() for name in ("auth.log", "resource.log")),
        "metrics": metrics(metrics_port),
        "traces": "".join(collector.texts),
        **exports(run.running.directory),
    }
    assert [leak for place, text in searched.items() for leak in run.traffic.leaks(place, text)] == []
    assert {"login", "consent", "call.begun", "call.completed", "tokens.refused"} <= kinds_of_events(searched)
    for method in ("password", "second_factor", "provider"):
        assert re.search(rf'logins_total{{method="{method}",outcome="failed"}} [1-9]', searched["metrics"])


def test_no_secret_of_a_connected_account_an_approval_or_a_session_is_there_either(tmp_path: Path) -> None:
    with collecting() as collector, upstream_run(tmp_path, collector) as run:
        run.all()
        run.hear_servers()
        assert run.traffic.kinds >= KINDS_OF_UPSTREAMS
        searched = {
            "logs": "".join(service.log for service in run.deployment.services),
            "metrics": metrics(run.metrics_port),
            "traces": "".join(collector.texts),
            **exports(tmp_path, **run.deployment.auth[0].settings),
        }
    assert [leak for place, text in searched.items() for leak in run.traffic.leaks(place, text)] == []
    assert {"account", "definition.held", "call.begun", "administration"} <= kinds_of_events(searched)
    assert "doorward_call_journal_missing_events_total 0.0" in searched["metrics"]


@pytest.mark.parametrize(
    "secret", ["dw_rt_0123456789abcdefghijklmnopqrstuvwxyz-_ABCDEFGHIJ", "Wall+flower/9=Quays"]
)
def test_the_search_finds_a_secret_however_it_is_encoded(secret: str) -> None:
    traffic = Overheard()
    traffic.add("secret", secret)
    once, raw = quote(secret, safe=""), secret.encode()
    for text in (
        *(secret, secret[-30:], once, quote(once, safe=""), json.dumps({"a": json.dumps([secret])})),
        *(raw.hex(), base64.b64encode(b"client:" + raw).decode(), base64.urlsafe_b64encode(raw).decode()),
    ):
        assert traffic.leaks("log", f"2026-11-29 info a=1 b={text} c\n"), text
    assert traffic.leaks("log", f"dw_rt_... {secret[6:12]}") == []
