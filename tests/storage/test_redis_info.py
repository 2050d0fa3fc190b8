"""The state of Redis servers that breaks a guarantee is named, for each server."""

from __future__ import annotations

import pytest

from shared.storage.durability import Durability
from shared.storage.redis_info import ServerState, memory_limit, misconfigurations
from tests.storage.redis_states import FSYNC, RELAXED, REPLICATED, state

pytestmark = pytest.mark.requirement("OP-3", "AS-5")


def of(server: ServerState, durability: Durability = FSYNC) -> str:
    return "; ".join(misconfigurations([server], durability))


def test_a_server_as_it_should_be_is_not_complained_about() -> None:
    assert of(state()) == ""
    assert of(state(role="slave", master_link_status="up")) == ""


@pytest.mark.parametrize(
    ("server", "complaint"),
    [
        (state(redis_version="6.0.1"), "older than 6.2"),
        (state(maxmemory_policy="volatile-lru"), "volatile-lru lets Redis drop"),
        (state(used_memory=801), "more than 80 %"),
        (state(aof_enabled=0), "appendonly is off"),
        (state(connected_slaves=1), "min-replicas-to-write is 0"),
        (state(role="slave", master_link_status="down"), "does not follow"),
        (state(offset_s=5.1), "ahead of"),
        (state(offset_s=-5.1), "behind"),
        (ServerState(place="a:1", info=None), "does not respond"),
    ],
)
def test_each_problem_is_named_by_itself(server: ServerState, complaint: str) -> None:
    [sentence] = misconfigurations([server], FSYNC)
    assert complaint in sentence
    assert "a:1" not in sentence


def test_the_durability_decides_what_is_a_problem() -> None:
    assert of(state(aof_enabled=0), RELAXED) == ""
    assert of(state(connected_slaves=2), REPLICATED) == ""
    assert "only 1 replicas" in of(state(connected_slaves=1), REPLICATED)


def test_of_several_servers_each_is_named() -> None:
    replica = state("b:2", role="slave", master_link_status="up", aof_enabled=0)
    assert misconfigurations([state(), replica], FSYNC) == [
        "b:2: appendonly is off: a crash of Redis loses grants, and with them revocations"
    ]


def test_the_memory_limit_is_that_of_the_smallest_server_that_states_one() -> None:
    def server(**info: object) -> ServerState:
        return ServerState(place="a:1", info=info)

    limited, unlimited = server(maxmemory=900, total_system_memory=5_000), server(total_system_memory=700)
    assert memory_limit([limited, ServerState(place="b:1", info=None)]) == 900
    assert memory_limit([limited, unlimited]) == 700
    assert memory_limit([server(maxmemory=0)]) is None
