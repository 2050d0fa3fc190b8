"""The guide for a virtual machine, executed: its commands, those of the units, and nginx with TLS."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from shared.cli.environment_files import read_environment
from tests.certificates import Authority
from tests.cli.command import MODULE, ROOT, doorward, environment, python_environment
from tests.deploy.units import SERVICES, values
from tests.flow import Client
from tests.forking.process import start
from tests.machine import require
from tests.proxies.proxy import nginx_command, serving
from tests.proxies.site import HOSTS, Site
from tests.servers import RedisServer, free_port, wait_until

pytestmark = [pytest.mark.long, pytest.mark.requirement("OP-1"), pytest.mark.xdist_group("proxies")]

GUIDE = (ROOT / "docs" / "how-to" / "virtual-machine.md").read_text().replace("\\\n", " ")
COMMANDS = [" ".join(line.split()) for line in re.findall(r"^    (.+)$", GUIDE, re.MULTILINE)]


class Machine:
    """The files and ports of the machine that the guide sets up, in a directory.

    Attributes:
        etc: stands for /etc/doorward.
        port: of nginx.
        ports: of the authorization server and of the resource service.
        redis: the URL of the store.
    """

    def __init__(self, directory: Path, redis: str) -> None:
        self.directory = directory
        self.etc = directory / "etc"
        self.port = free_port()
        self.ports = {service: free_port() for service in SERVICES}
        self.redis = redis

    def here(self, text: str) -> str:
        """Put a text of the guide or of a unit onto this machine."""
        for before, after in (
            ("/etc/doorward", str(self.etc)),
            ("/opt/doorward/bin/doorward ", ""),
            ("redis://localhost:6379/0", self.redis),
            ("https://auth.example.com", f"https://auth.example.com:{self.port}"),
            ("https://mcp.example.com", f"https://mcp.example.com:{self.port}"),
            ("127.0.0.1:9000", f"127.0.0.1:{self.ports['auth']}"),
            ("--port 9000", f"--port {self.ports['auth']}"),
            ("--port 9001", f"--port {self.ports['resource']}"),
        ):
            text = text.replace(before, after)
        return text

    def settings(self, service: str) -> dict[str, str]:
        """The environment in which systemd runs the unit."""
        credentials = self.directory / f"credentials-{service}"
        credentials.mkdir(exist_ok=True)
        for each in values(service, "LoadCredential"):
            name, _, path = each.partition(":")
            (credentials / name).write_text(Path(self.here(path)).read_text())
        state = self.directory / "state"
        unit = (
            each.replace("%d", str(credentials)).replace("%S", str(state))
            for each in values(service, "Environment")
        )
        [file] = values(service, "EnvironmentFile")
        return {
            **read_environment(Path(self.here(file))),
            **dict(each.split("=", 1) for each in unit),
        }

    @contextmanager
    def running(self, service: str) -> Iterator[None]:
        """Run the command of the unit."""
        [command] = values(service, "ExecStart")
        log = self.directory / f"{service}.log"
        with log.open("wb") as output:
            process = start(
                MODULE,
                *self.here(command).split(),
                environment=python_environment(**self.settings(service)),
                output=output,
            )
        try:
            url = f"http://127.0.0.1:{self.ports[service]}/ready"
            wait_until(lambda: process.poll() is not None or _answers(url), timeout_s=60)
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()
            process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=10, trust_env=False).is_success
    except httpx2.HTTPError:
        return False


def shell(script: str) -> str:
    done = subprocess.run(
        ["sh", "-ec", script], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands(beginning: str) -> list[str]:
    beginnings = [command for command in COMMANDS if command.startswith(beginning)]
    assert beginnings, beginning
    return beginnings


def set_up(machine: Machine) -> None:
    """Step 2 of the guide."""
    [init] = commands("/opt/doorward/bin/doorward init")
    done = doorward(*machine.here(init).split(), cwd=machine.directory)
    assert done.returncode == 0, done.stderr
    for command in commands("echo DOORWARD_"):
        shell(machine.here(command))


def add_person(machine: Machine) -> None:
    """The `doorward` command of step 3, with the settings as the guide exports them."""
    exports = [*commands("set -a;"), *commands("export DOORWARD_")]
    printed = shell(machine.here("; ".join([*exports, "env"])))
    variables = dict(line.split("=", 1) for line in printed.splitlines() if line.startswith("DOORWARD_"))
    [add] = commands("/opt/doorward/bin/doorward users add")
    arguments = machine.here(add).replace("NAME", "wesen").split()
    done = doorward(*arguments, cwd=machine.directory, stdin="seven moss harbours\n", **variables)
    assert done.returncode == 0, done.stderr


def test_the_guide_leads_to_a_call_through_nginx_with_tls(
    tmp_path: Path, redis_server: RedisServer, authority: Authority
) -> None:
    require("nginx")
    redis_server.empty()
    machine = Machine(tmp_path, redis_server.url)
    set_up(machine)
    ports = (machine.ports["auth"], machine.ports["resource"])
    command = nginx_command("two-origins", tmp_path, machine.port, authority.certify(*HOSTS), ports)
    with ExitStack() as running:
        for service in SERVICES:
            running.enter_context(machine.running(service))
        add_person(machine)
        running.enter_context(serving(command, tmp_path, machine.port))
        auth, mcp = (machine.here(f"https://{name}.example.com") for name in ("auth", "mcp"))
        site = Site(auth, f"{mcp}/mcp", authority.trusting(), machine.port)
        http, person = running.enter_context(site.client()), site.person()
        person.username, person.password = "wesen", "seven moss harbours"
        tokens = Client.register(site.issuer, http).connect(person, resource=site.mcp_url)
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert http.get(f"{mcp}/hello", headers=headers).status_code == 200
        assert http.get(f"{mcp}/hello").status_code == 401
        person.close()
