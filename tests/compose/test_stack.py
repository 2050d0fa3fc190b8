"""The stack of docker-compose.yml: hardened, isolated, started in order, without data loss."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx2
import pytest

from tests.cli.command import ROOT, doorward, environment
from tests.compose.stack import SERVICES, Stack
from tests.e2e.sdk import Mode
from tests.e2e.sdk_client import run
from tests.flow import Client, Person
from tests.machine import compose_command, require

pytestmark = pytest.mark.xdist_group("compose")

every_service = pytest.mark.parametrize("service", SERVICES)


def moment(text: str) -> datetime:
    """The time that the engine states, in UTC and with nanoseconds."""
    return datetime.fromisoformat(text[:26].rstrip("Z"))


def registration_of(client: Client, http: httpx2.Client) -> httpx2.Response:
    """The registered metadata of a client (RFC 7592 §2.1)."""
    token = client.information["registration_access_token"]
    return http.get(
        client.information["registration_client_uri"], headers={"Authorization": f"Bearer {token}"}
    )


PASSWORD = "seven moss harbours"


@pytest.fixture
def person(stack: Stack) -> Iterator[Person]:
    """Somebody whose account the operator has made."""
    name = f"user-{len(stack.compose('exec', '-T', 'auth', 'doorward', 'users', 'list').splitlines())}"
    stack.add_user(name, PASSWORD)
    somebody = Person(name, PASSWORD, trust_env=False)
    yield somebody
    somebody.close()


@pytest.mark.requirement("RS-11")
def test_why_finds_a_refusal_in_what_compose_logs(stack: Stack, http: httpx2.Client, tmp_path: Path) -> None:
    refused = http.post(stack.resource, headers={"Authorization": "Bearer dw_at_junk"}, json={})
    assert refused.status_code == 401
    logs = stack.compose("logs", "--no-color", "auth", "resource")
    done = doorward("why", refused.headers["x-request-id"], cwd=tmp_path, stdin=logs)
    assert done.returncode == 0, done.stderr
    assert "(token_not_of_this_installation)" in done.stdout
    assert "POST /mcp was refused with 401 invalid_token." in done.stdout


def test_each_service_starts_once_the_one_it_needs_is_healthy(stack: Stack) -> None:
    started = {name: moment(stack.container(name).attrs["State"]["StartedAt"]) for name in SERVICES}
    assert list(started.values()) == sorted(started.values())
    for needed, service in (("redis", "auth"), ("auth", "resource")):
        checks = stack.container(needed).attrs["State"]["Health"]["Log"]
        # The engine keeps the last five checks only.
        before = [check for check in checks if moment(check["End"]) <= started[service]]
        assert not before or before[-1]["ExitCode"] == 0, f"{service} started although {needed} was unhealthy"


@every_service
def test_nothing_in_a_container_can_gain_or_change_anything(stack: Stack, service: str) -> None:
    container = stack.container(service)
    host = container.attrs["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert 0 < host["PidsLimit"] <= 256
    assert 0 < host["Memory"] <= 1 << 30
    assert host["RestartPolicy"]["Name"] == "unless-stopped"

    assert stack.run(service, "id", "-u")[1].strip() != "0"
    assert stack.run(service, "touch", "/anything")[0] != 0
    assert "CapEff:\t0000000000000000" in stack.run(service, "cat", "/proc/1/status")[1]


def test_only_the_auth_service_reaches_redis(stack: Stack) -> None:
    connect = "import socket; socket.create_connection(('{}', 6379), 3)"
    address = stack.container("redis").attrs["NetworkSettings"]["Networks"][f"{stack.project}_store"][
        "IPAddress"
    ]
    for host in ("redis", address):
        assert stack.run("auth", "python", "-c", connect.format(host))[0] == 0
        assert stack.run("resource", "python", "-c", connect.format(host))[0] != 0
    assert not stack.container("redis").attrs["HostConfig"]["PortBindings"]
    assert stack.engine.networks.get(f"{stack.project}_store").attrs["Internal"] is True


def test_the_services_are_published_on_loopback_only(stack: Stack) -> None:
    for service, port in (("auth", "9000/tcp"), ("resource", "9001/tcp")):
        [binding] = stack.container(service).attrs["HostConfig"]["PortBindings"][port]
        assert binding["HostIp"] == "127.0.0.1"


def test_redis_writes_before_it_answers_and_never_evicts(stack: Stack) -> None:
    for name, value in (("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")):
        assert stack.run("redis", "redis-cli", "config", "get", name)[1].split() == [name, value]


def test_redis_wants_a_password_that_no_process_list_shows(stack: Stack) -> None:
    status, answer = stack.run("redis", "env", "-u", "REDISCLI_AUTH", "redis-cli", "ping")
    assert "NOAUTH" in answer, (status, answer)
    password = stack.run("redis", "printenv", "REDISCLI_AUTH")[1].strip()
    assert len(password) >= 32
    assert password not in str(stack.container("redis").top())


def test_secrets_reach_only_the_service_they_are_for(stack: Stack) -> None:
    resource = stack.run("resource", "env")[1]
    assert "DOORWARD_MASTER_KEYS" not in resource
    assert stack.run("redis", "printenv", "REDISCLI_AUTH")[1].strip() not in resource
    assert "DOORWARD_DEMO_USER" not in stack.run("auth", "env")[1]


@pytest.mark.requirement("OP-2")
def test_a_setting_in_the_file_of_a_service_is_in_force_after_up(stack: Stack, http: httpx2.Client) -> None:
    with (
        stack.set_in("auth", "DOORWARD_REGISTRATION=closed"),
        stack.set_in("resource", "DOORWARD_RESOURCE_NAME=Ours"),
    ):
        stack.compose("up", "-d")
        stack.wait_until_healthy()
        client = {"redirect_uris": ["http://localhost:1/callback"]}
        assert http.post(f"{stack.issuer}/register", json=client).status_code == 400
        described = http.get(f"{stack.origin}/.well-known/oauth-protected-resource/mcp").json()
        assert described["resource_name"] == "Ours"
    stack.compose("up", "-d")
    stack.wait_until_healthy()
    assert http.post(f"{stack.issuer}/register", json=client).status_code == 201


@pytest.mark.requirement("OP-2")
@pytest.mark.parametrize("service", ["auth", "resource"])
@pytest.mark.parametrize(
    ("misspelled", "setting"),
    [("DOORWARD_REGISTRATON", "DOORWARD_REGISTRATION"), ("DOORWARD_UPSTEAM", "DOORWARD_UPSTREAM")],
)
def test_a_name_that_nothing_reads_stops_the_start_and_the_nearest_is_named(
    stack: Stack, service: str, misspelled: str, setting: str
) -> None:
    with stack.set_in(service, f"{misspelled}=closed"):
        done = stack.try_compose("run", "--rm", "--no-deps", "-T", service)
    assert done.returncode == 2
    assert f"{misspelled}: there is no such setting; did you mean {setting}?" in done.stdout + done.stderr


def test_compose_trusts_the_proxy_in_front_of_it(stack: Stack) -> None:
    trusted = stack.run("auth", "printenv", "DOORWARD_TRUSTED_PROXIES")[1].strip()
    networks = stack.container("auth").attrs["NetworkSettings"]["Networks"]
    # What comes in through a published port of loopback has this address.
    gateway = networks[f"{stack.project}_services"]["Gateway"]
    assert ipaddress.ip_address(gateway) in ipaddress.ip_network(trusted)


def test_a_client_gets_through_and_a_revocation_shuts_it_out(
    stack: Stack, http: httpx2.Client, person: Person
) -> None:
    client = Client.register(stack.issuer, http)
    tokens = client.connect(person, resource=stack.resource)
    hello = f"http://localhost:{stack.resource_port}/hello"
    authorization = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert http.get(hello, headers=authorization).json() == {
        "message": f"Hello {person.username}, your request to MCP is authorized!"
    }
    assert client.revoke(tokens["refresh_token"]).status_code == 200
    assert http.get(hello, headers=authorization).status_code == 401


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_sdks_own_client_connects_and_stays_connected_until_it_is_revoked(
    stack: Stack, person: Person, mode: Mode
) -> None:
    await run(stack.resource, username=person.username, password=person.password, mode=mode)


@pytest.mark.parametrize("crashing", [*((service,) for service in SERVICES), SERVICES], ids="-".join)
def test_what_was_acknowledged_outlives_a_crash(
    stack: Stack, http: httpx2.Client, person: Person, crashing: tuple[str, ...]
) -> None:
    client = Client.register(stack.issuer, http)
    tokens = client.connect(person, resource=stack.resource)
    stack.crash(*crashing)
    assert registration_of(client, http).json()["client_id"] == client.client_id
    refreshed = client.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    answer = http.get(
        f"http://localhost:{stack.resource_port}/hello",
        headers={"Authorization": f"Bearer {refreshed.json()['access_token']}"},
    )
    assert answer.status_code == 200, answer.text


def test_stopping_is_graceful_and_a_start_finds_everything_again(stack: Stack, http: httpx2.Client) -> None:
    client = Client.register(stack.issuer, http)
    stack.compose("stop")
    assert {name: stack.container(name).attrs["State"]["ExitCode"] for name in SERVICES} == dict.fromkeys(
        SERVICES, 0
    )
    assert b"Application shutdown complete" in stack.container("auth").logs(tail=20)
    stack.compose("start")
    stack.wait_until_healthy()
    assert registration_of(client, http).status_code == 200


def test_without_secrets_compose_says_how_to_get_them(tmp_path: Path) -> None:
    require("container engine")
    (tmp_path / "empty").touch()
    done = subprocess.run(
        [*compose_command(), "--env-file", str(tmp_path / "empty"), "config"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "run doorward init first, to write .env" in done.stderr
