"""Settings whose values are in files (OP-2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.setting_files import MAX_BYTES, complaints_about_files, read_setting_files

pytestmark = pytest.mark.requirement("OP-2")

VARIABLE = "DOORWARD_MASTER_KEYS_FILE"


@pytest.mark.parametrize(
    ("contents", "value"),
    [
        (b"1:secret", "1:secret"),
        (b"1:secret\n", "1:secret"),
        (b"1:secret\r\n", "1:secret"),
        (b"1:secret\n\n", "1:secret\n"),
        (b" 1:secret ", " 1:secret "),
        (b"", ""),
        ("1:schlüssel".encode(), "1:schlüssel"),
        (b"x" * MAX_BYTES, "x" * MAX_BYTES),
    ],
)
def test_the_contents_of_the_file_are_the_value(tmp_path: Path, contents: bytes, value: str) -> None:
    path = tmp_path / "keys"
    path.write_bytes(contents)
    environment = {VARIABLE: str(path), "HOME": "/root"}
    assert list(complaints_about_files(environment)) == []
    read_setting_files(environment)
    assert environment == {"DOORWARD_MASTER_KEYS": value, "HOME": "/root"}


def test_names_are_recognized_in_any_case_and_others_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("value")
    others = {"DOORWARD_ENV_FILE": ".env", "DOORWARD_RESOURCE_ENV_FILE": "resource.env", "SSL_CERT_FILE": "a"}
    environment = {"doorward_log_level_file": str(path), **others}
    read_setting_files(environment)
    assert environment == {"DOORWARD_LOG_LEVEL": "value", **others}


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        (None, "No such file or directory"),
        (b"\xff\xfe", "is not text in UTF-8"),
        (b"x" * (MAX_BYTES + 1), f"has more than {MAX_BYTES} bytes"),
        (b"a\0b", "contains a null character"),
    ],
)
def test_a_file_that_cannot_be_the_value_is_named_without_its_contents(
    tmp_path: Path, contents: bytes | None, complaint: str
) -> None:
    path = tmp_path / "keys"
    if contents is not None:
        path.write_bytes(contents)
    environment = {VARIABLE: str(path)}
    read_setting_files(environment)
    assert environment == {VARIABLE: str(path)}
    [sentence] = complaints_about_files(environment)
    assert sentence.startswith(f"{VARIABLE}: {path}")
    assert complaint in sentence


def test_a_directory_is_not_a_value(tmp_path: Path) -> None:
    [sentence] = complaints_about_files({VARIABLE: str(tmp_path)})
    assert sentence.endswith("Is a directory")


@pytest.mark.parametrize("name", ["DOORWARD_MASTER_KEYS", "doorward_master_keys"])
def test_a_value_and_a_file_contradict_each_other(tmp_path: Path, name: str) -> None:
    path = tmp_path / "keys"
    path.write_text("value")
    environment = {VARIABLE: str(path), name: "other"}
    read_setting_files(environment)
    assert environment == {VARIABLE: str(path), name: "other"}
    [sentence] = complaints_about_files(environment)
    assert "DOORWARD_MASTER_KEYS is set as well" in sentence
