"""Every backend there is, for the suites in this directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import require
from tests.servers import wait_until
from tests.storage.topologies import (
    ClusterDeployment,
    Deployment,
    SentinelDeployment,
    cluster_running,
    sentinel_running,
)


@pytest.fixture(scope="session")
def redis_sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelDeployment]:
    require("redis-server")
    with sentinel_running(tmp_path_factory.mktemp("sentinel"), min_replicas=1) as deployment:
        wait_until(deployment.replica_follows)
        yield deployment


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterDeployment]:
    require("redis-server")
    with cluster_running(tmp_path_factory.mktemp("cluster")) as deployment:
        yield deployment


@pytest.fixture(params=["sqlite", "redis_server", "redis_sentinel", "redis_cluster"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh, empty store on each backend in turn, Sentinel and Cluster included."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/doorward.db"
    deployment: Deployment = request.getfixturevalue(request.param)
    deployment.empty()
    return deployment.url
