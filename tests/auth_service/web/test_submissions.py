"""Forms that are posted twice at once, in the order that a test wants."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import Response

from auth_service.crypto.keyring import KeyRing
from auth_service.web.browser_cookies import BrowserCookies
from auth_service.web.render import see_other
from auth_service.web.submissions import Outcome, Submission, Submissions
from shared.storage import Store
from tests.auth_service.crypto.master_keys import ONE

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-10")]


async def test_the_first_that_is_overtaken_by_the_second_answers_as_that_does(store: Store) -> None:
    ring = KeyRing([ONE])
    submissions = Submissions(store, ring, BrowserCookies(ring, "https://auth.example"))
    first, second = (
        Submission(
            submissions=submissions, path="/password", name="name", outcome=Outcome(seed=seed, kept_s=60)
        )
        for seed in "12"
    )
    await first.begin()
    await second.begin()
    first.give_way()
    overtaken = asyncio.create_task(first.finish(Response(status_code=409)))
    await asyncio.sleep(0)
    await second.finish(see_other("password?changed=1"))
    response = await overtaken
    assert (response.status_code, response.headers["location"]) == (303, "password?changed=1")
