"""Groups are requested where a policy names some, and no answer without them counts there (ID-3)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from resource_service.introspection.cache import SETTLE_S, IntrospectionCache
from resource_service.introspection.client import IntrospectionClient, IntrospectionUnavailableError
from shared.introspection import ActiveToken
from tests.resource_service.introspection.posting import posting_to

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-3")]

TOKEN = ActiveToken(
    client_id="client",
    scopes=("read",),
    audience=(),
    issuer="https://auth.example",
    expires_at=9_000,
    grant_id="grant",
)


async def ask(needs_groups: bool, **members: Any) -> tuple[ActiveToken | None, dict[str, list[str]]]:
    """Return the token of a response with `members`, and the request form."""
    forms: list[dict[str, list[str]]] = []

    async def content() -> AsyncIterator[bytes]:
        yield json.dumps(TOKEN.to_wire() | members).encode()

    def answer(request: httpx2.Request) -> httpx2.Response:
        forms.append(parse_qs(request.content.decode()))
        return httpx2.Response(200, content=content())

    async with posting_to(answer) as post:
        client = IntrospectionClient(post=post, authorization="Basic eDp5", needs_groups=lambda: needs_groups)
        token = await client.ask("token")
    return token, forms[0]


async def test_groups_are_requested_only_where_a_policy_needs_them() -> None:
    token, form = await ask(needs_groups=False)
    assert (token and token.groups, form.get("groups")) == (None, None)
    token, form = await ask(needs_groups=True, groups=["ops", "okta:On call"])
    assert (token and token.groups, form["groups"]) == (("ops", "okta:On call"), ["true"])


async def test_an_answer_without_groups_means_that_there_are_none() -> None:
    token, _ = await ask(needs_groups=True)
    assert token
    assert token.groups == ()


async def test_as_many_groups_as_access_rules_can_name_are_understood() -> None:
    groups = [f"okta:{'ü' * 27}{number:04}" for number in range(2_000)]  # 128 KB in UTF-8
    token, _ = await ask(needs_groups=True, groups=groups)
    assert token
    assert token.groups == tuple(groups)


@pytest.mark.parametrize("groups", ["ops", {"ops": True}, ["ops", 1], None, [["ops"]]], ids=str)
async def test_groups_that_are_not_a_list_of_strings_make_the_response_unusable(groups: object) -> None:
    with pytest.raises(IntrospectionUnavailableError, match="groups"):
        await ask(needs_groups=True, groups=groups)


async def test_an_answer_from_before_a_policy_named_groups_is_not_used_again() -> None:
    needs_groups, questions, now = False, 0, 1_000.0

    async def answer(_token: str) -> ActiveToken | None:
        nonlocal questions
        questions += 1
        return replace(TOKEN, groups=("ops",) if needs_groups else None)

    cache = IntrospectionCache(
        answer,
        keep_for_s=300,
        join_for_s=0.25,
        clock=lambda: now,
        steady_clock=lambda: now,
        needs_groups=lambda: needs_groups,
    )
    cache.confirm(now)
    while now < 1_000 + SETTLE_S + 1:
        now += 1
        cache.confirm(now)
    assert [await cache("t"), await cache("t")] == [TOKEN, TOKEN]
    assert questions == 1
    needs_groups = True
    now += 1
    first, again = await cache("t"), await cache("t")
    assert first == again == replace(TOKEN, groups=("ops",))
    assert questions == 2
