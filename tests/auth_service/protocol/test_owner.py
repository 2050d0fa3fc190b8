"""The subject who gives a grant, as the grant records it."""

from __future__ import annotations

from auth_service.protocol.owner import Owner
from tests.auth_service.protocol.builders import code_grant


def test_a_grant_records_every_attribute_and_by_default_the_time_of_a_login_is_known() -> None:
    members = Owner(subject="s", username="ada", amr=("pwd",)).members()
    grant = code_grant(**members)
    assert {name: getattr(grant, name) for name in members} == members
    assert (grant.subject, grant.username, grant.amr) == ("s", "ada", ("pwd",))
    assert members["auth_time_known"] is True
