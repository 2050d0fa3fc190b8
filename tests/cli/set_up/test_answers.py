"""The answers on the set-up page, pure rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from resource_service.policy.draft import draft
from resource_service.policy.file import parse_policy
from resource_service.policy.server_inventory import ServerInventory, SurveyedTool
from shared.cli.console import CommandError
from shared.cli.set_up.answers import AnswerError, ChosenServer, chosen_server, with_levels
from shared.cli.set_up.saved import SetUp

pytestmark = pytest.mark.requirement("OP-6")


@pytest.mark.parametrize(
    ("form", "chosen"),
    [
        ({"server": " http://127.0.0.1:3000/mcp "}, ChosenServer("http://127.0.0.1:3000/mcp")),
        ({"server": "npx -y server", "name": "Wiki"}, ChosenServer("stdio:npx -y server", "Wiki")),
        ({"kind": "notes", "server": "x"}, ChosenServer()),
    ],
)
def test_a_server_is_a_url_or_a_command(form: dict[str, str], chosen: ChosenServer) -> None:
    assert chosen_server(form) == chosen


@pytest.mark.parametrize("server", ["", "ftp://x", "a\nb", "x" * 3_000, "http://[x"])
def test_what_is_neither_is_refused_with_a_sentence(server: str) -> None:
    with pytest.raises(AnswerError) as refused:
        chosen_server({"server": server})
    assert str(refused.value.message).endswith(".")


def test_the_chosen_levels_are_the_scopes_of_the_policy() -> None:
    tools = (SurveyedTool("search", read_only=True), SurveyedTool("edit"), SurveyedTool("purge"))
    form = {"tool-1": "read", "tool-2": "admin", "tool-0": "root"}
    policy = parse_policy(
        draft(with_levels(ServerInventory(server="wiki", tools=tools), form), "wiki").encode()
    )
    needed = {tool.name: policy.for_tool(tool.name) for tool in tools}
    assert needed == {"search": {"wiki:read"}, "edit": {"wiki:read"}, "purge": {"wiki:admin"}}


def test_what_was_set_up_is_read_again_and_gives_way_to_the_environment(tmp_path: Path) -> None:
    assert SetUp.kept_in(tmp_path) == SetUp()
    saved = SetUp(upstream="http://127.0.0.1:3000/mcp", name="Wiki")
    saved.keep_in(tmp_path)
    assert SetUp.kept_in(tmp_path) == saved
    assert saved.settings(tmp_path, {})["DOORWARD_UPSTREAM"] == saved.upstream
    assert saved.settings(tmp_path, {"DOORWARD_UPSTREAM": "http://127.0.0.1:4000/mcp"}) == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"upstream": 1}', '{"other": ""}'])
def test_a_file_that_is_not_what_was_set_up_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "set-up.json").write_text(text)
    with pytest.raises(CommandError, match=r"set-up\.json cannot be read"):
        SetUp.kept_in(tmp_path)
