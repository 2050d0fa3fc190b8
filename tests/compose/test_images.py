"""Each service's image builds and starts alone, and holds nothing of the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from docker.models.containers import Container

from tests.compose.stack import HEALTHY_TIMEOUT_S, IMAGES, Stack
from tests.servers import wait_until

pytestmark = pytest.mark.xdist_group("compose")

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


@pytest.mark.parametrize("service", IMAGES)
def test_an_image_starts_alone_and_becomes_healthy(built: Stack, service: str) -> None:
    with running(built, service) as container:

        def healthy() -> bool:
            container.reload()
            return bool(container.attrs["State"]["Health"]["Status"] == "healthy")

        wait_until(healthy, timeout_s=HEALTHY_TIMEOUT_S)
        assert container.attrs["Config"]["User"] == "10001:10001"


@pytest.mark.parametrize(("service", "other"), [("auth", "resource"), ("resource", "auth")])
def test_an_image_holds_one_service_and_no_tools(built: Stack, service: str, other: str) -> None:
    names = (f"{service}_service", f"{other}_service", "pip", "pytest", "redis", "mcp")
    program = f"import importlib.util as u; print([n for n in {names!r} if u.find_spec(n)])"
    output = built.engine.containers.run(IMAGES[service], ["python", "-c", program], remove=True).decode()
    assert output.strip() == str([f"{service}_service", "redis" if service == "auth" else "mcp"])


@pytest.mark.parametrize(("service", "other"), [("auth", "resource"), ("resource", "auth")])
def test_the_command_says_what_an_image_is_not_for(built: Stack, service: str, other: str) -> None:
    container = built.engine.containers.run(IMAGES[service], ["doorward", other], detach=True)
    try:
        assert container.wait()["StatusCode"] == 2
        assert f"{other}_service is not installed" in container.logs().decode()
    finally:
        container.remove(force=True)
