"""Mounts as settings and options name them (OP-2, GW-3)."""

from __future__ import annotations

import pytest

from shared.mounts import check_mount_names, check_mount_path, is_on, mounts_in

pytestmark = pytest.mark.requirement("OP-2", "GW-3")

BOTH = {"/github": "http://127.0.0.1:3001/mcp?a=b", "/files": "stdio:files --root=/srv"}


@pytest.mark.parametrize(
    "text",
    [
        "/github=http://127.0.0.1:3001/mcp?a=b; /files=stdio:files --root=/srv",
        " /github = http://127.0.0.1:3001/mcp?a=b;/files=stdio:files --root=/srv ; ",
        ' {"/github": "http://127.0.0.1:3001/mcp?a=b", "/files": "stdio:files --root=/srv"}',
    ],
)
def test_plain_text_and_json_say_the_same(text: str) -> None:
    assert mounts_in(text) == BOTH


def test_a_command_may_have_arguments_that_look_like_mounts() -> None:
    text = "/a=stdio:map /b=http://b --to=/c=/d,/e=f"
    assert mounts_in(text) == {"/a": "stdio:map /b=http://b --to=/c=/d,/e=f"}


def test_json_may_say_more_of_a_mount() -> None:
    assert mounts_in('{"/a": {"upstream": "http://a", "name": "A"}}') == {
        "/a": {"upstream": "http://a", "name": "A"}
    }
    assert mounts_in("") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/a=http://secret; /a=http://b", "'/a' is there twice"),
        ('{"/a": "http://secret", "/a": "http://b"}', "'/a' is there twice"),
        ('{"/a": {"upstream": "http://secret", "upstream": "http://b"}}', "'upstream' is there twice"),
        ("http://secret", "each mount has the form /PATH=URL"),
        ("secret=http://a", "each mount has the form /PATH=URL"),
        ("/a=", "each mount has the form /PATH=URL"),
        ("/a=stdio:sh -c 'secret; other'", "an upstream with a semicolon needs JSON"),
        ("/a=http://secret,/b=http://b", "separated by semicolons"),
        ("/a=stdio:secret\n  /b=stdio:b", "separated by semicolons"),
        ('["/a"]', "it must be an object"),
        ('{"/secret": ', "it is not JSON"),
        ("[" * 100_000, "it is"),
    ],
)
def test_other_text_is_refused_without_its_values(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        mounts_in(text)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("path", ["github", "/", "/.", "/..", "/.well-known", "/a/b", "/a b", "/ä", "/a\n"])
def test_a_path_is_one_plain_segment(path: str) -> None:
    with pytest.raises(ValueError, match="one plain segment"):
        check_mount_path(path)


def test_names_that_clash_cannot_be_joined() -> None:
    check_mount_names(["github", "files", "a-1"])
    for names in (["github", "GitHub"], ["openid"], ["Doorward"], ["a_b"], ["1a"], ["a" * 25], ["find"]):
        with pytest.raises(ValueError, match="joined"):
            check_mount_names(names, ["find"])


@pytest.mark.parametrize(
    ("text", "on"), [("true", True), ("1", True), (" Yes", True), ("", False), ("0", False)]
)
def test_a_setting_is_on_as_the_services_read_it(text: str, on: bool) -> None:
    assert is_on({"DOORWARD_JOIN": text}, "DOORWARD_JOIN") is on
    assert not is_on({}, "DOORWARD_JOIN")
