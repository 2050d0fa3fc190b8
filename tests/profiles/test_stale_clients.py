"""AS-20: what becomes of each client when the server has forgotten everything, and how it gets in again."""

from __future__ import annotations

import pytest

from tests.flow import Pkce
from tests.profiles.client import Client, Kept
from tests.profiles.deployment import EACH, Deployment
from tests.profiles.mcp import result_of
from tests.profiles.profile import Way

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("profiles"), pytest.mark.requirement("AS-20")]

Memories = dict[tuple[str, Way], Kept]


@pytest.fixture(scope="module")
def memories(shared_deployment: Deployment) -> Memories:
    """The state of a client from before the server was reinstalled."""
    states = {}
    for name, way in EACH:
        with shared_deployment.client(name, way) as client:
            client.connect()
            states[name, way] = client.kept
    shared_deployment.start_empty()
    return states


@pytest.mark.parametrize(("name", "way"), EACH)
def test_it_connects_again_after_the_server_was_reinstalled(
    name: str, way: Way, deployment: Deployment, memories: Memories
) -> None:
    old = memories[name, way]
    with deployment.client(name, way, Kept(old.information, old.tokens)) as client:
        client.discover()
        assert client.call("whoami").status_code == 401
        expected = (400, "invalid_grant") if way == "document" else (401, "invalid_client")
        for answer in client.refresh():
            assert (answer.status_code, answer.json()["error"]) == expected
            assert "www-authenticate" not in answer.headers or "authorization" in answer.request.headers
        if way == "registration":
            meets_the_page(client)
            client.kept.information = {}
        client.connect()
        assert result_of(client.call("whoami"))["username"] == "wesen"
        same_name = client.kept.information["client_id"] == old.information["client_id"]
        assert same_name is (way == "document")


def meets_the_page(client: Client) -> None:
    """The old registration in the browser: a page that says what happened, and nobody is sent anywhere."""
    page = client.person.open(client.authorization_url(Pkce()))
    assert page.status_code == 400
    assert "location" not in page.headers
    assert "This application is not registered here" in page.text
    assert "Remove the old registration from the application, then connect again" in page.text
    listed = client.profile.ending.listed_as
    assert listed is None or f"<dt>{listed}</dt>" in page.text
