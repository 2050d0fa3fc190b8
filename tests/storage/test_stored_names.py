"""The members of stored documents keep their names when fields are renamed."""

from __future__ import annotations

import json

from auth_service.protocol.grant import Grant
from shared.storage.json_codec import JsonCodec
from tests.auth_service.protocol.builders import active_grant


def test_a_grant_keeps_the_member_names_that_earlier_releases_wrote() -> None:
    grant = active_grant(parent_grants=("parent",), assertion_issuer="https://issuer.example")
    stored = json.loads(JsonCodec(Grant).encode(grant))
    assert stored["ancestors"] == ["parent"]
    assert stored["vouched_by"] == "https://issuer.example"
    assert JsonCodec(Grant).decode(json.dumps(stored).encode()) == grant
