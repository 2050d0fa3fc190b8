"""Activate a mutant: in existing functions, or when the module is imported."""

from __future__ import annotations

import functools
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType, ModuleType

OPTIMIZED = 0x1
"""inspect.CO_OPTIMIZED: the flag of functions, as opposed to classes and modules."""


class NotInFunctionsError(Exception):
    """The mutant changes code that runs when the module is imported."""


class Functions:
    """The functions of an imported module."""

    def __init__(self, source: str) -> None:
        self._source = source
        objects = gc.get_objects()
        names = {code.co_name for code in _nested(_compiled(source))}
        functions = [thing for thing in objects if isinstance(thing, FunctionType)]
        self._functions = [function for function in functions if function.__code__.co_name in names]
        # The class of the objects that functools.lru_cache returns has no public name.
        self._caches = [thing for thing in objects if isinstance(thing, functools._lru_cache_wrapper)]  # noqa: SLF001

    def replace(self, mutated: str) -> None:
        """Give the functions the code of the mutant.

        Raises:
            NotInFunctionsError: the mutant differs in more than the functions.
        """
        for before, after in list(_changed(_compiled(self._source), _compiled(mutated))):
            functions = [function for function in self._functions if function.__code__ == before]
            if not functions or before.co_freevars != after.co_freevars:
                raise NotInFunctionsError
            for function in functions:
                function.__code__ = after
        for cache in self._caches:
            cache.cache_clear()


def _compiled(source: str) -> CodeType:
    return compile(source, "<mutant>", "exec", dont_inherit=True)


def _nested(code: CodeType) -> Iterator[CodeType]:
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield const
            yield from _nested(const)


def _changed(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield the functions that differ, each with its new code."""
    old_inner, new_inner = (
        [const for const in code.co_consts if isinstance(const, CodeType)] for code in (old, new)
    )
    if _own(old) != _own(new) or len(old_inner) != len(new_inner):
        raise NotInFunctionsError
    for before, after in zip(old_inner, new_inner, strict=True):
        if before == after:
            continue
        if before.co_flags & OPTIMIZED:
            yield before, after
        else:
            yield from _changed(before, after)


def _own(code: CodeType) -> tuple[object, ...]:
    constants = [None if isinstance(const, CodeType) else repr(const) for const in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, constants


def import_mutated(module: str, path: str, mutated: str) -> None:
    """Make the next import of `module` load `mutated` instead of the file at `path`."""
    sys.meta_path.insert(0, _Finder(module, path, mutated))


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, module: str, path: str, mutated: str) -> None:
        super().__init__(module, path)
        self._mutated = mutated

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._mutated, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module: str, path: str, mutated: str) -> None:
        self._loader = _Loader(module, path, mutated)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._loader.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._loader.path, loader=self._loader)
