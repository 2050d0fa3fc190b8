"""A deployment with the limits it is shipped with, behind a proxy that it trusts, on a small Redis."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.e2e.services import Deployment, deployed
from tests.flow import Client, Person
from tests.servers import DURABLE, RedisServer, redis_running

AS_IT_COMES = {
    "DOORWARD_REGISTRATIONS_PER_MINUTE": "60",
    "DOORWARD_REGISTRATIONS_PER_HOUR": "3000",
    "DOORWARD_AUTHORIZATIONS_PER_MINUTE": "300",
    "DOORWARD_TRUSTED_PROXIES": "127.0.0.1",
}
SHIPPED = ("--maxmemory", "384mb", "--maxmemory-policy", "noeviction")
PAUSE_S = 0.02
GRANT_TYPES = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]


@dataclass
class Flooded:
    """A deployment under a flood, with a client that was connected before.

    Attributes:
        took_s: how long each request of that client took since the last flood began.
    """

    deployment: Deployment
    redis: RedisServer
    client: Client
    tokens: dict[str, Any]
    took_s: list[float] = field(default_factory=list)

    def used_memory(self) -> int:
        """The memory that Redis uses, in bytes."""
        info = self.redis.command("INFO", "memory")
        assert isinstance(info, dict)
        return int(info["used_memory"])

    def keys(self) -> int:
        """The number of keys in Redis."""
        count = self.redis.command("DBSIZE")
        assert isinstance(count, int)
        return count

    def existing_client_refreshes(self) -> None:
        """Refresh, and use the new token: both must succeed."""
        response = self.client.refresh(self.tokens["refresh_token"])
        assert response.status_code == 200, response.text
        self.took_s.append(response.elapsed.total_seconds())
        self.tokens = response.json()
        hello = self.deployment.hello(self.tokens["access_token"])
        assert hello.status_code == 200, hello.text
        self.took_s.append(hello.elapsed.total_seconds())
        time.sleep(PAUSE_S)  # as clients do between calls

    def new_client_connects(self, address: str) -> None:
        """Register a client and log in, from a network of its own."""
        headers = {"X-Forwarded-For": address}
        person = Person(trust_env=False, headers=headers)
        client = Client.register(self.deployment.issuer, person.browser)
        assert "access_token" in client.connect(person)
        person.close()

    def p99_s(self) -> float:
        """The time within which 99 of 100 requests of the existing client were answered."""
        return statistics.quantiles(self.took_s, n=100)[98] if len(self.took_s) > 1 else self.took_s[0]


@contextmanager
def flooded(directory: Path) -> Iterator[Flooded]:
    """A deployment, and a client that has connected before anything happens."""
    with (
        redis_running(directory / "redis", *DURABLE, *SHIPPED) as redis,
        deployed(redis.url, directory, settings=AS_IT_COMES) as deployment,
        httpx2.Client(trust_env=False, timeout=60, headers={"X-Forwarded-For": "198.51.100.1"}) as http,
    ):
        person = Person(trust_env=False, headers={"X-Forwarded-For": "198.51.100.1"})
        client = Client.register(deployment.issuer, http, grant_types=GRANT_TYPES)
        tokens = client.connect(person)
        person.close()
        yield Flooded(deployment, redis, client, tokens)
