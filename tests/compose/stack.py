"""The stack as an operator runs it, by the compose command and a `.env`, seen through the engine as well."""

from __future__ import annotations

import fcntl
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docker import DockerClient
from docker.models.containers import Container

from tests.cli.command import ROOT, doorward, environment
from tests.machine import compose_command
from tests.servers import free_port, wait_until

SERVICES = ("redis", "auth", "resource")
IMAGES = {"auth": "doorward-test-auth", "resource": "doorward-test-resource"}
BUILD_TIMEOUT_S = 900
HEALTHY_TIMEOUT_S = 90


class Stack:
    """One compose project with a name, ports, volumes and secrets of its own.

    Args:
        directory: where its `.env` goes.
        issuer: the public URL of the auth service; where it is published, if left out.
        resource: the public URL of the MCP server; where it is published, if left out.
        overlays: the names of files in `deploy/compose` that are added.
    """

    def __init__(
        self,
        engine: DockerClient,
        directory: Path,
        *,
        issuer: str | None = None,
        resource: str | None = None,
        overlays: tuple[str, ...] = (),
    ) -> None:
        self.engine = engine
        self.project = f"doorward-test-{secrets.token_hex(4)}"
        self.auth_port, self.resource_port = free_port(), free_port()
        self.issuer = issuer or f"http://localhost:{self.auth_port}"
        self.resource = resource or f"http://localhost:{self.resource_port}/mcp"
        self._subnet = f"10.{secrets.randbelow(60) + 190}.{secrets.randbelow(256)}.0/24"
        self._files = ("docker-compose.yml", *(f"deploy/compose/{each}.yml" for each in overlays))
        self._env_file = directory / ".env"
        self.files = {"auth": self._env_file, "resource": directory / "resource.env"}
        written = doorward("init", "--issuer", self.issuer, "--resource", self.resource, cwd=directory)
        assert written.returncode == 0, written.stderr

    @property
    def origin(self) -> str:
        """Where the resource service is published."""
        return f"http://localhost:{self.resource_port}"

    def build(self) -> None:
        """Build the images; one process at a time, so that the second one finds what the first one built."""
        with (ROOT / "docker-compose.yml").open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.compose("build")

    def compose(self, *arguments: str, stdin: str = "") -> str:
        """Run docker compose; what it printed on standard output."""
        done = self.try_compose(*arguments, stdin=stdin)
        assert done.returncode == 0, f"{' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def try_compose(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run docker compose, which may fail."""
        project = ("--project-name", self.project, "--env-file", str(self._env_file))
        files = (f"--file={each}" for each in self._files)
        return subprocess.run(
            [*compose_command(), *project, *files, *arguments],
            cwd=ROOT,
            env=environment(
                DOORWARD_AUTH_IMAGE=IMAGES["auth"],
                DOORWARD_RESOURCE_IMAGE=IMAGES["resource"],
                DOORWARD_AUTH_PORT=str(self.auth_port),
                DOORWARD_RESOURCE_PORT=str(self.resource_port),
                DOORWARD_ENV_FILE=str(self.files["auth"]),
                DOORWARD_RESOURCE_ENV_FILE=str(self.files["resource"]),
                DOORWARD_SUBNET=self._subnet,
                DOORWARD_TRUSTED_PROXIES=self._subnet,
            ),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_S,
            check=False,
        )

    @contextmanager
    def set_in(self, service: str, *lines: str) -> Iterator[None]:
        """The environment file of a service with more lines, for the length of the context."""
        file = self.files[service]
        before = file.read_text()
        file.write_text("\n".join((before.rstrip("\n"), *lines, "")))
        try:
            yield
        finally:
            file.write_text(before)

    def container(self, service: str) -> Container:
        """The container of a service, as it is now."""
        labels = [f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}"]
        [running] = self.engine.containers.list(all=True, filters={"label": labels})
        return running

    def run(self, service: str, *command: str) -> tuple[int, str]:
        """Run a command in a running container, as its user; the exit status and all that it printed."""
        status, output = self.container(service).exec_run(list(command))
        return status, output.decode()

    def crash(self, *services: str) -> None:
        """Kill what runs in these containers with SIGKILL; return once all is up again, and well."""
        before = {service: self._restarts(service) for service in services}
        for service in services:
            self.run(service, "sh", "-c", "kill -9 -1")
        wait_until(
            lambda: all(self._restarts(service) > before[service] for service in services),
            timeout_s=HEALTHY_TIMEOUT_S,
        )
        self.wait_until_healthy()

    def wait_until_healthy(self) -> None:
        """Return once all containers are healthy."""
        wait_until(lambda: all(map(self._is_healthy, SERVICES)), timeout_s=HEALTHY_TIMEOUT_S)

    @contextmanager
    def up(self) -> Iterator[None]:
        """Up and well for the length of the context; then everything of it is gone."""
        try:
            self.compose("up", "-d")
            self.wait_until_healthy()
            yield
        finally:
            self.compose("down", "--volumes", "--timeout", "5")

    def add_user(self, username: str, password: str) -> None:
        """Make an account, as the operator does."""
        self.compose(
            "exec", "-T", "auth", "doorward", "users", "add", username, "--admin", stdin=f"{password}\n"
        )

    def _restarts(self, service: str) -> int:
        return int(self.container(service).attrs["RestartCount"])

    def _is_healthy(self, service: str) -> bool:
        state = self.container(service).attrs["State"]
        return bool(state["Running"]) and state["Health"]["Status"] == "healthy"
