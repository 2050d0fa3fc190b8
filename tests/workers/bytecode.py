"""Bytecode of test modules, made by the main process while the template collects."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.assertion import rewrite


def compile_while(needed: Callable[[], bool], config: pytest.Config) -> None:
    """Compile the modules that pytest is to collect, the last ones first, as long as that is needed.

    In a fresh checkout that takes as long as everything else that the template does. They are compiled as
    pytest does: with assertions that it rewrites.
    """
    if sys.dont_write_bytecode:
        return
    for source in _sources(config):
        if not needed():
            return
        _compile(source, config)


def _sources(config: pytest.Config) -> Iterator[Path]:
    for argument in reversed(config.args):
        path = Path(argument.partition("::")[0])
        yield from sorted(path.rglob("test_*.py"), reverse=True) if path.is_dir() else ()


def _compile(source: Path, config: pytest.Config) -> None:
    directory = rewrite.get_cache_dir(source)
    compiled = directory / (source.stem + rewrite.PYC_TAIL)
    if not rewrite.try_makedirs(directory) or rewrite._read_pyc(source, compiled):  # noqa: SLF001
        return
    try:
        source_hash, code = rewrite._rewrite_test(source, config)  # noqa: SLF001 -- there is no public way
    except SyntaxError:
        return  # a worker reports it
    rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, source_hash, compiled)  # noqa: SLF001
