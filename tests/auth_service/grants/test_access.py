"""Grant types in which a person shows no page: what the access rules do not give is not issued (ID-3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auth_service.protocol.access_document import parse_access
from auth_service.protocol.errors import InvalidGrantError, InvalidTargetError
from auth_service.protocol.jwt_bearer import GRANT_TYPE
from auth_service.protocol.reasons import Reason
from auth_service.protocol.token_exchange import ACCESS_TOKEN
from auth_service.protocol.token_exchange import GRANT_TYPE as EXCHANGE
from tests.auth_service.grants.assertions import id_jag, workload
from tests.auth_service.grants.installation import IDP, Installation
from tests.auth_service.service import OTHER_RESOURCE, RESOURCE
from tests.refusals import because

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-3")]


async def give(here: Installation, **people: dict[str, Any]) -> None:
    rules = here.parts.access.rules
    await rules.save(parse_access({"people": people}), (await rules.load()).version)


async def test_somebody_whom_an_issuer_asserts_needs_access_like_anybody(here: Installation) -> None:
    client = await here.client("client_secret_basic")
    await give(here, ada={RESOURCE: "*"})
    with pytest.raises(InvalidGrantError, check=because(Reason.ACCESS_NOT_GRANTED)):
        await here.redeem(GRANT_TYPE, client, assertion=id_jag(client))
    await give(here, **{f"issuer:{IDP}": {RESOURCE: ["notes:read"]}})
    grant = await here.redeem(GRANT_TYPE, client, assertion=id_jag(client))
    assert grant.scopes == ("notes:read",)


async def test_a_workload_is_not_a_person(here: Installation) -> None:
    await give(here, ada={RESOURCE: "*"})
    nobody = await here.client()
    grant = await here.redeem(GRANT_TYPE, nobody, RESOURCE, assertion=workload())
    assert grant.scopes == ("notes:read",)


async def test_an_exchanged_token_allows_what_the_person_may_hold_at_both_resources(tmp_path: Path) -> None:
    first = Installation(tmp_path)
    client = await first.client("client_secret_basic", grant_types=[EXCHANGE])
    rule = {"client_id": client.client_id, "sources": [RESOURCE], "targets": [OTHER_RESOURCE]}
    here = Installation(tmp_path, token_exchange=[rule])
    session = await here.session()
    source = await here.grant(await here.client(), session.owner, resource=RESOURCE)
    token = (await here.parts.grants.token_issuer.token_response(source, client))["access_token"]

    async def exchange() -> tuple[str, ...]:
        exchanged = await here.redeem(
            EXCHANGE, client, OTHER_RESOURCE, subject_token=token, subject_token_type=ACCESS_TOKEN
        )
        return exchanged.scopes

    assert await exchange() == ("notes:read",)
    await give(here, alice={RESOURCE: "*"})
    with pytest.raises(InvalidTargetError, check=because(Reason.ACCESS_NOT_GRANTED)):
        await exchange()
    await give(here, alice={RESOURCE: "*", OTHER_RESOURCE: ["notes:read"]})
    assert await exchange() == ("notes:read",)
    await give(here, alice={RESOURCE: ["notes:write"], OTHER_RESOURCE: "*"})
    assert await exchange() == ()
    await first.store.aclose()
    await here.parts.grants.confirmations.aclose()
    await here.store.aclose()
