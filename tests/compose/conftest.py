"""One stack for all compose tests, built once, and gone at the end however they went."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import httpx2
import pytest
from docker import DockerClient

from tests.compose.stack import Stack
from tests.machine import require


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    require("container engine")
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def built(engine: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A stack whose images are there, and that is not up."""
    stack = Stack(engine, tmp_path_factory.mktemp("compose"))
    stack.build()
    return stack


@pytest.fixture(scope="session")
def stack(built: Stack) -> Iterator[Stack]:
    """A stack that is up."""
    with built.up():
        yield built


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=10) as client:
        yield client
