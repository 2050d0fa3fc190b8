"""Each service's image builds and starts alone, and holds nothing of the other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from docker import DockerClient
from docker.models.containers import Container

from tests.cli.command import ROOT
from tests.compose.stack import BUILD_TIMEOUT_S, HEALTHY_TIMEOUT_S, IMAGES, Stack
from tests.servers import wait_until

pytestmark = pytest.mark.xdist_group("compose")

TRIAL = "doorward-test-trial"
SECRET = "x" * 43
RESOURCE = "http://localhost:9001/mcp"
SETTINGS = {
    "auth": {
        "DOORWARD_ISSUER": "http://localhost:9000",
        "DOORWARD_STORE": "sqlite:////tmp/auth.sqlite3",
        "DOORWARD_MASTER_KEYS": f"1:{SECRET}",
        "DOORWARD_RESOURCE_SERVERS": (
            f'[{{"id":"resource","secret":"{SECRET}","resources":[{{"resource":"{RESOURCE}","name":"MCP"}}]}}]'
        ),
    },
    "resource": {
        "DOORWARD_ISSUER": "http://localhost:9000",
        "DOORWARD_RESOURCE": RESOURCE,
        "DOORWARD_RESOURCE_SECRET": SECRET,
    },
}


@contextmanager
def running(stack: Stack, service: str) -> Iterator[Container]:
    """The image of a service, run with what it needs and nothing else."""
    container = stack.engine.containers.run(
        IMAGES[service],
        detach=True,
        environment=SETTINGS[service],
        read_only=True,
        tmpfs={"/tmp": ""},  # noqa: S108 -- inside the container
        network_mode="none",
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def is_healthy(container: Container) -> bool:
    container.reload()
    return bool(container.attrs["State"]["Health"]["Status"] == "healthy")


@pytest.mark.parametrize("service", IMAGES)
def test_an_image_starts_alone_and_becomes_healthy(built: Stack, service: str) -> None:
    with running(built, service) as container:
        wait_until(lambda: is_healthy(container), timeout_s=HEALTHY_TIMEOUT_S)
        assert container.attrs["Config"]["User"] == "10001:10001"


@pytest.mark.parametrize(("service", "other"), [("auth", "resource"), ("resource", "auth")])
def test_an_image_holds_one_service_and_no_tools(built: Stack, service: str, other: str) -> None:
    names = (f"{service}_service", f"{other}_service", "pip", "pytest", "redis", "mcp")
    program = f"import importlib.util as u; print([n for n in {names!r} if u.find_spec(n)])"
    output = built.engine.containers.run(IMAGES[service], ["python", "-c", program], remove=True).decode()
    # Redis: the resource service can have a store of its own, DOORWARD_RESOURCE_STORE.
    libraries = ["redis"] if service == "auth" else ["redis", "mcp"]
    assert output.strip() == str([f"{service}_service", *libraries])


@pytest.mark.parametrize(("service", "other"), [("auth", "resource"), ("resource", "auth")])
def test_the_command_says_what_an_image_is_not_for(built: Stack, service: str, other: str) -> None:
    container = built.engine.containers.run(IMAGES[service], ["doorward", other], detach=True)
    try:
        assert container.wait()["StatusCode"] == 2
        assert f"{other}_service is not installed" in container.logs().decode()
    finally:
        container.remove(force=True)


@pytest.fixture(scope="module")
def trial(engine: DockerClient) -> str:
    """The image with both services."""
    command = ["docker", "build", "--quiet", "--file", "deploy/doorward.Dockerfile", "--tag", TRIAL]
    base = os.environ.get("PYTHON_IMAGE")
    arguments = ["--build-arg", f"PYTHON_IMAGE={base}"] if base else []
    subprocess.run([*command, *arguments, "."], cwd=ROOT, check=True, timeout=BUILD_TIMEOUT_S)
    return TRIAL


@pytest.mark.requirement("OP-1")
def test_the_image_to_try_out_runs_both_services_for_a_client(engine: DockerClient, trial: str) -> None:
    container = engine.containers.run(trial, detach=True, read_only=True, network_mode="none")
    try:
        wait_until(lambda: is_healthy(container), timeout_s=HEALTHY_TIMEOUT_S)
        status, output = container.exec_run(["doorward", "doctor", "http://localhost:9001/mcp"])
        assert status == 0, output.decode()
        assert container.attrs["Config"]["User"] == "10001:10001"
    finally:
        container.remove(force=True, v=True)
