"""Every mount pins its first list unless the operator says otherwise; tools of our own are not pinned."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from resource_service.components import components
from resource_service.policy.file import parse_policy
from resource_service.policy.pinning import Pinning
from resource_service.settings import ResourceSettings
from shared.clock import system_clock

pytestmark = pytest.mark.requirement("GW-4")
UPSTREAM = "http://127.0.0.1:1/mcp"
MOUNTS = {"/a": UPSTREAM, "/b": {"upstream": UPSTREAM}}


def pinning(**settings: object) -> list[Pinning]:
    """How definitions are approved, for each resource."""
    of_service = ResourceSettings.model_validate(
        {
            "resource": "http://127.0.0.1:9001/mcp",
            "issuer": "http://127.0.0.1:9000",
            "resource_secret": SecretStr("x" * 43),
            **settings,
        }
    )
    return [each.guard.pinned.otherwise for each in components(of_service, system_clock).resources.all]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [Pinning.OFF]),
        ({"upstream": UPSTREAM}, [Pinning.FIRST]),
        ({"mounts": MOUNTS}, [Pinning.FIRST, Pinning.FIRST]),
        ({"mounts": MOUNTS, "upstream": UPSTREAM, "pin": "strict"}, [Pinning.STRICT] * 3),
        ({"mounts": MOUNTS, "pin": "off"}, [Pinning.OFF, Pinning.OFF]),
    ],
    ids=["the built-in server", "an upstream", "mounts", "strict", "off"],
)
def test_every_mount_pins_its_first_list(settings: dict[str, object], expected: list[Pinning]) -> None:
    assert pinning(**settings) == expected


def test_a_policy_decides_only_if_it_says_so() -> None:
    policy = b"scopes: {}\ndefault: []\n"
    assert parse_policy(policy).pin is None
    assert parse_policy(policy + b"pin: off\n").pin is Pinning.OFF
