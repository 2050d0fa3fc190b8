"""Settings whose values are in files: ``DOORWARD_…_FILE``, for secrets that Docker or Kubernetes mounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from shared.setting_names import setting_names

SUFFIX = "_FILE"
MAX_BYTES = 1 << 20
"""The largest file: many times the longest list of resource servers."""


def read_setting_files(environment: MutableMapping[str, str]) -> None:
    """Replace ``DOORWARD_X_FILE``, where ``DOORWARD_X`` is a setting, by that setting, with the contents.

    One line end at the end of the file is not part of the value. A variable that cannot be replaced stays:
    `complaints_about_files` says why.
    """
    for name, setting in list(_file_variables(environment)):
        try:
            environment[setting] = _value(environment, name, setting)
        except ValueError:
            continue
        del environment[name]


def complaints_about_files(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each file that cannot be read, without its contents."""
    for name, setting in _file_variables(environment):
        try:
            _value(environment, name, setting)
        except ValueError as error:
            yield f"{name}: {error}"


def names_of_files() -> frozenset[str]:
    """Return the names of the variables that can name files."""
    return frozenset(f"{name}{SUFFIX}" for names in setting_names().values() for name in names)


def _file_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    candidates = [name for name in sorted(environment) if name.upper().endswith(SUFFIX)]
    names = names_of_files() if candidates else frozenset()
    for name in candidates:
        if name.upper() in names:
            yield name, name.upper().removesuffix(SUFFIX)


def _value(environment: Mapping[str, str], name: str, setting: str) -> str:
    """Read the value of a setting from its file.

    Raises:
        ValueError: why that is not possible.
    """
    if any(each.upper() == setting for each in environment):
        raise ValueError(f"{setting} is set as well; set one of them")
    try:
        with Path(environment[name]).open("rb") as file:
            contents = file.read(MAX_BYTES + 1)
        value = contents.decode()
    except OSError as error:
        raise ValueError(f"{environment[name]}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{environment[name]} is not text in UTF-8") from error
    if len(contents) > MAX_BYTES:
        raise ValueError(f"{environment[name]} has more than {MAX_BYTES} bytes")
    if "\0" in value:
        raise ValueError(f"{environment[name]} contains a null character")
    return value.removesuffix("\n").removesuffix("\r")
