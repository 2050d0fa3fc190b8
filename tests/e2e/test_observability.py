"""The dashboard and the rules use metrics that exist and move under load; a real Prometheus reads them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from auth_service.metrics import METRICS as OF_AUTH
from resource_service.metrics import METRICS as OF_RESOURCE
from shared.metrics.declarations import Kind
from tests.cli.command import ROOT, Up, doorward, up
from tests.e2e.sdk import SdkClient, bare_call
from tests.flow import Person
from tests.gateway.upstreams import forked_stdio
from tests.machine import require
from tests.servers import free_port, two_free_ports, wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.long, pytest.mark.requirement("JR-7")]

FOLDER = ROOT / "deploy" / "observability"
RULES = FOLDER / "rules.yml"
DECLARED = {metric.name: metric for metric in (*OF_AUTH, *OF_RESOURCE)}
NAME = re.compile(r"\bdoorward_[a-z0-9_]+")
OF_HISTOGRAM = re.compile(r"_(bucket|sum|count)\Z")
FAULTS = {
    "doorward_revocation_feed_gaps_total",
    "doorward_journal_missing_events_total",
    "doorward_journal_beyond_share_events_total",
    "doorward_journal_removed_early_events_total",
    "doorward_call_journal_missing_events_total",
}
"""Counters that a load does not move: they count faults."""


def dashboard_expressions() -> list[str]:
    dashboard = json.loads((FOLDER / "grafana" / "doorward.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def rule_expressions() -> list[str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def metrics_in(expressions: list[str]) -> set[str]:
    """The metrics that PromQL expressions name."""
    names = {name for expression in expressions for name in NAME.findall(expression)}
    return {name if name in DECLARED else OF_HISTOGRAM.sub("", name) for name in names}


def test_the_dashboard_shows_every_metric_and_the_rules_use_no_other() -> None:
    assert metrics_in(dashboard_expressions()) == DECLARED.keys()
    assert metrics_in(rule_expressions()) <= DECLARED.keys()


def test_promtool_accepts_the_rules_and_their_tests() -> None:
    require("prometheus")
    for arguments in (("check", "rules", "rules.yml"), ("test", "rules", "rules_test.yml")):
        done = subprocess.run(
            ["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stdout + done.stderr


def values(port: int) -> dict[str, float]:
    """The counted events of each metric of both services."""
    counted: dict[str, float] = {}
    for each in (port, port + 1):
        text = httpx2.get(f"http://127.0.0.1:{each}/metrics", trust_env=False).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if not sample.name.endswith(("_bucket", "_sum", "_created")):
                    name = sample.name.removesuffix("_count")
                    counted[name] = counted.get(name, 0.0) + sample.value
    return counted


@dataclass(frozen=True)
class Issued:
    """A client, and the secrets that it and its user were given."""

    client_id: str
    secrets: set[str]


async def load(running: Up, calls: int = 1) -> Issued:
    """Do all that is measured: log in, call tools, refresh, reuse a token, be refused."""
    person = Person(trust_env=False)
    sdk = SdkClient(f"http://localhost:{running.resource_port}/mcp", person)
    async with sdk.connected() as client:
        for _ in range(calls):
            await client.list_tools()
        memory = sdk.memory
        assert memory.client_info
        form = {
            "grant_type": "refresh_token",
            "refresh_token": memory.refresh_token,
            "client_id": memory.client_info.client_id or "",
            "client_secret": memory.client_info.client_secret or "",
        }
        with httpx2.Client(base_url=running.issuer, trust_env=False) as http:
            newer = http.post("/token", data=form)
            assert newer.is_success, newer.text
            again = http.post("/token", data={**form, "refresh_token": newer.json()["refresh_token"]})
            assert again.is_success, again.text
            tokens = {memory.access_token, memory.refresh_token}
            for response in (newer, again):
                tokens |= {response.json()["access_token"], response.json()["refresh_token"]}
            assert http.post("/token", data=form).json()["reason_code"] == "refresh_token_used_twice"
    assert bare_call(sdk.mcp_url, "unknown").status_code == 401
    secrets = {*tokens, form["client_secret"], *(cookie.value or "" for cookie in person.browser.cookies.jar)}
    person.close()
    return Issued(form["client_id"], secrets - {""})


def reach_limit(running: Up) -> None:
    """Register until that is refused."""
    with httpx2.Client(base_url=running.issuer, trust_env=False) as http:
        while http.post("/register", json={"redirect_uris": ["http://a"]}).status_code != 429:
            pass


@contextmanager
def prometheus(port: int, directory: Path) -> Iterator[str]:
    """A Prometheus that reads both services five times a second, with the rules; its address."""
    configuration = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    configuration["global"] = {"scrape_interval": "200ms", "evaluation_interval": "200ms"}
    configuration["rule_files"] = [str(RULES)]
    for number, job in enumerate(configuration["scrape_configs"]):
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port + number}"]}]
    file = directory / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    address = f"127.0.0.1:{free_port()}"
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://{address}"
        finally:
            process.kill()
            process.wait()


def results(address: str, expression: str) -> list[Any]:
    """The current values of an expression; none while Prometheus starts."""
    query = expression.replace("$__rate_interval", "5s")
    try:
        response = httpx2.get(f"{address}/api/v1/query", params={"query": query}, trust_env=False)
    except httpx2.TransportError:
        return []
    if response.status_code == 503:
        return []
    assert response.is_success, response.text
    return [*response.json()["data"]["result"]]


@pytest.fixture(scope="module")
def port() -> int:
    require("prometheus")
    return two_free_ports()


@pytest.fixture(scope="module")
def address(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus. It starts before the services, because it looks for them after 5 s."""
    with prometheus(port, tmp_path_factory.mktemp("prometheus")) as started:
        yield started


@pytest.fixture(scope="module")
def running(address: str, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    settings = {
        "DOORWARD_METRICS_PORT": str(port),
        "DOORWARD_LOG_LEVEL": "debug",
        "DOORWARD_INTROSPECTION_CACHE_S": "60",
        "DOORWARD_REGISTRATIONS_PER_MINUTE": "5",
        "DOORWARD_UPSTREAM": forked_stdio("tests.gateway.servers.plain"),
    }
    with up(tmp_path_factory.mktemp("metrics"), **settings) as started:
        yield started


def scraped(port: int) -> str:
    """The metrics of both services as text."""
    urls = (f"http://127.0.0.1:{each}/metrics" for each in (port, port + 1))
    return "".join(httpx2.get(url, trust_env=False).text for url in urls)


async def test_no_secret_of_a_run_at_debug_level_is_in_logs_journal_or_metrics(
    running: Up, port: int
) -> None:
    issued = await load(running)
    journal = exported(running.directory)
    state = running.directory / ".doorward"
    places = {name: (state / name).read_text() for name in ("auth.log", "resource.log")}
    places |= {"journal": journal, "metrics": scraped(port)}
    assert all(issued.client_id in places[name] for name in ("auth.log", "journal"))
    # Log lines show the kind of a token before its end is cut off.
    bare = {re.sub(r"\Adw_[a-z]{2}_", "", secret) for secret in issued.secrets}
    assert len(bare) >= 6
    assert [(place, secret) for place, text in places.items() for secret in bare if secret in text] == []
    assert replayed(journal, running.directory) == {"tools/list": ["allowed", "scope_missing"]}


def exported(directory: Path) -> str:
    """The journal, once it has the calls: the resource service delivers them within a second."""
    journal = ""

    def has_calls() -> bool:
        nonlocal journal
        done = doorward("audit", "export", cwd=directory)
        assert done.returncode == 0, done.stderr
        journal = done.stdout
        return '"tools/list"' in journal

    wait_until(has_calls, timeout_s=30)
    return journal


def replayed(journal: str, directory: Path) -> dict[str, list[str]]:
    """The methods that a policy decides otherwise than the service did, with both decisions."""
    policy = "scopes: {notes:read: Read, other: Other}\ndefault: []\nmethods: {tools/list: other}\n"
    (directory / "policy.yaml").write_text(policy)
    done = doorward("policy", "replay", "policy.yaml", "--json", cwd=directory, stdin=journal)
    assert done.returncode == 1, done.stderr
    return {row["name"]: [row["was"], row["would_be"]] for row in json.loads(done.stdout)}


async def test_each_metric_moves_under_load_and_prometheus_reads_it(
    running: Up, address: str, port: int
) -> None:
    wait_until(lambda: len(results(address, "up == 1")) == 2, timeout_s=30)
    before = values(port)
    await load(running)
    reach_limit(running)
    moving = {n for n, m in DECLARED.items() if m.kind is not Kind.GAUGE} - FAULTS

    def still() -> set[str]:
        after = values(port)
        return {name for name in moving if after.get(name, 0.0) <= before.get(name, 0.0)}

    def empty() -> list[str]:
        return [each for each in dashboard_expressions() if not results(address, each)]

    def alert() -> list[Any]:
        return results(address, 'ALERTS{alertname="DoorwardTokenReuse"}')

    waited_for(lambda: not still(), still)
    waited_for(lambda: not empty(), empty)
    waited_for(lambda: bool(alert()), alert)


def waited_for(condition: Callable[[], bool], state: Callable[[], object]) -> None:
    try:
        wait_until(condition, timeout_s=15)
    except TimeoutError:
        pytest.fail(f"after 15 s: {state()}")
