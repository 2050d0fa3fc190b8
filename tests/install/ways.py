"""The ways to install, with the commands of README.md and docs/how-to/install.md."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.install.place import ROOT, Place
from tests.machine import compose_command, require
from tests.servers import is_healthy, wait_until

OWNER = ("ada", secrets.token_urlsafe(12))
"""The account that the guide adds, and its password."""
HEALTHY_TIMEOUT_S = 300


@dataclass(frozen=True)
class Times:
    """The times of one way, in seconds since its first command.

    Attributes:
        ready_s: until the services are up.
        answered_s: until a tool has answered a client that registered and logged in.
        processor_s: of all processes; None if they run in containers.
    """

    way: str
    ready_s: float
    answered_s: float
    processor_s: float | None


@dataclass(frozen=True)
class Tools:
    """Programs that some ways need: they are installed before, and not timed.

    Args:
        directory: where the wheel and the programs are, or will be.
    """

    directory: Path

    def wheel(self) -> str:
        """The path of the wheel, which `make dist` builds from the last commit."""
        built = self.directory / "dist"
        if not built.exists():
            clone = self.directory / "source"
            subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
            (clone / ".venv").symlink_to(ROOT / ".venv")
            subprocess.run([clone / "scripts" / "dist", built], check=True, capture_output=True)
        [wheel] = built.glob("*.whl")
        return str(wheel)

    def program(self, name: str) -> Path:
        """The path of a program, which pip installs."""
        environment = self.directory / name
        if not environment.exists():
            venv.create(environment, with_pip=True, symlinks=True)
            subprocess.run([environment / "bin" / "pip", "install", "-q", name], check=True)
        return environment / "bin" / name


def measured(place: Place, way: str, *command: str, counted: bool = True) -> Times:
    """Start the services by a command, and call a tool."""
    with place.running(*command):
        ready_s, _ = place.elapsed()
        place.call_tool()
        answered_s, _ = place.elapsed()
    _, processor_s = place.elapsed()
    return Times(way, ready_s, answered_s, processor_s if counted else None)


def make(directory: Path, tools: Tools) -> Iterator[Times]:
    """`make run`, and again."""
    place = Place(directory)
    for way in ("`make run`", "`make run` again"):
        place.begin()
        yield measured(place, way, "make", "run", f"ARGS={' '.join(place.ports)}")


def pip(directory: Path, tools: Tools) -> Iterator[Times]:
    """The wheel in a new virtual environment."""
    place, wheel = Place(directory), tools.wheel()
    place.begin()
    place.run("python3", "-m", "venv", "venv")
    place.run("venv/bin/pip", "install", wheel)
    yield measured(place, "`pip install` of the wheel", "venv/bin/doorward", "up", *place.ports)


def pipx(directory: Path, tools: Tools) -> Iterator[Times]:
    """The wheel by pipx."""
    place, wheel = Place(directory, tools.program("pipx")), tools.wheel()
    place.begin()
    place.run("pipx", "install", wheel)
    doorward = str(place.home / ".local" / "bin" / "doorward")
    yield measured(place, "`pipx install` of the wheel", doorward, "up", *place.ports)


def uvx(directory: Path, tools: Tools) -> Iterator[Times]:
    """The wheel by uvx, and again."""
    uv = tools.program("uv")
    place, wheel = Place(directory, uv, uv.with_name("uvx")), tools.wheel()
    for way in ("`uvx --from` the wheel", "`uvx` again"):
        place.begin()
        yield measured(place, way, "uvx", "--from", wheel, "doorward", "up", *place.ports)


def image(directory: Path, tools: Tools) -> Iterator[Times]:
    """The image with both services, built without a cache."""
    require("container engine")
    place = Place(directory, *_docker())
    name = f"doorward-timed-{place.auth_port}"
    ports = [f"-p=127.0.0.1:{port}:{port}" for port in (place.auth_port, place.resource_port)]
    up = ("doorward", "up", "--host", "0.0.0.0", "--data-dir", "/var/lib/doorward", *place.ports)
    place.begin()
    try:
        build = ("build", "-q", "--no-cache", "-f", "deploy/doorward.Dockerfile", *_base_image(place))
        place.run("docker", *build, "-t", name, ".")
        run = ("docker", "run", "--rm", "--init", *ports, name, *up)
        yield measured(place, "the image with both services, with its build", *run, counted=False)
    finally:
        place.run("docker", "image", "rm", "-f", name)


def compose(directory: Path, tools: Tools) -> Iterator[Times]:
    """Docker compose, with images built without a cache."""
    require("container engine")
    place = Place(directory, *_docker())
    place.begin()
    place.run("make", "init", f"ARGS={_urls(place)}")
    with _stack(place) as run:
        run("build", "-q", "--no-cache")
        run("up", "-d")
        wait_until(lambda: _is_up(place), timeout_s=HEALTHY_TIMEOUT_S)
        ready_s, _ = place.elapsed()
        run("exec", "-T", "auth", "doorward", "users", "add", OWNER[0], "--admin", typed=f"{OWNER[1]}\n")
        place.call_tool(*OWNER)
        answered_s, _ = place.elapsed()
    yield Times("docker compose, with its builds", ready_s, answered_s, None)


@contextmanager
def _stack(place: Place) -> Iterator[Callable[..., str]]:
    """A compose project with a name, images and a network of its own, which is removed afterwards."""
    name = f"doorward-timed-{place.auth_port}"
    subnet = f"10.{secrets.randbelow(60) + 190}.{secrets.randbelow(256)}.0/24"
    variables = {
        "DOORWARD_AUTH_IMAGE": f"{name}-auth",
        "DOORWARD_RESOURCE_IMAGE": f"{name}-resource",
        "DOORWARD_AUTH_PORT": str(place.auth_port),
        "DOORWARD_RESOURCE_PORT": str(place.resource_port),
        "DOORWARD_SUBNET": subnet,
        "DOORWARD_TRUSTED_PROXIES": subnet,
    }

    def run(*arguments: str, typed: str = "") -> str:
        return place.run(*compose_command(), "--project-name", name, *arguments, typed=typed, **variables)

    try:
        yield run
    finally:
        run("down", "--volumes", "--timeout", "5")
        place.run("docker", "image", "rm", "-f", f"{name}-auth", f"{name}-resource")


def _urls(place: Place) -> str:
    issuer, resource = (f"http://localhost:{port}" for port in (place.auth_port, place.resource_port))
    return f"--issuer {issuer} --resource {resource}/mcp"


def _is_up(place: Place) -> bool:
    return all(is_healthy(f"http://localhost:{port}") for port in (place.auth_port, place.resource_port))


def _docker() -> list[Path]:
    return [Path(path) for name in ("docker", "docker-compose") if (path := shutil.which(name))]


def _base_image(place: Place) -> list[str]:
    chosen = place.environment.get("PYTHON_IMAGE")
    return [f"--build-arg=PYTHON_IMAGE={chosen}"] if chosen else []


WAYS: dict[str, Callable[[Path, Tools], Iterator[Times]]] = {
    each.__name__: each for each in (make, pip, pipx, uvx, image, compose)
}
