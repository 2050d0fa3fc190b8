"""Work that the process of the tests does less often than a deployment: thousands of tests repeat it."""

from __future__ import annotations

import itertools
import os
import ssl
from functools import cache
from typing import TextIO

import httpx2
import pytest
import structlog
from httpx2._transports import default as transports
from structlog.typing import ExcInfo

from auth_service.crypto import passwords, signing_keys
from tests.environment_source import examine_set_fields_only
from tests.hashing import CHEAP


@cache
def _context(trust_env: bool, _file: str | None, _directory: str | None) -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=trust_env)


def _client_context(
    verify: ssl.SSLContext | str | bool = True, cert: None = None, trust_env: bool = True
) -> ssl.SSLContext:
    if verify is not True or cert is not None:
        return httpx2.create_ssl_context(verify, cert, trust_env)
    return _context(trust_env, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


_RSA_KEYS = 8
"""More than any test has at a time, in all its servers."""
_new_pem = signing_keys._new_pem  # noqa: SLF001 -- there is no public way to count keys
_numbers = itertools.count()


@cache
def _rsa_pem(_number: int) -> str:
    return _new_pem("RS256")


def _pem_of_some(alg: str) -> str:
    return _rsa_pem(next(_numbers) % _RSA_KEYS) if alg == "RS256" else _new_pem(alg)


def _print_traceback(
    _formatter: structlog.dev.RichTracebackFormatter, output: TextIO, error: ExcInfo
) -> None:
    structlog.dev.plain_traceback(output, error)


def economize(patch: pytest.MonkeyPatch) -> None:
    """Read the certificates of this machine once, which takes 20 ms, and hash passwords in under 1 ms.

    Servers in this process take turns with a few RSA keys, each with a new key id: it takes 60 ms to
    generate and read one.

    Clients share the context that httpx2 would make for each of them and keep to itself; who asks for one by
    `create_ssl_context` gets one of their own to change. The full cost of a hash is that of the
    programs that tests execute, and of the tests in which it matters.

    Tracebacks are logged as Python prints them: it takes up to a second to color one, with all variables.
    """
    patch.setattr(transports, "create_ssl_context", _client_context)
    patch.setattr(passwords, "COST", CHEAP)
    patch.setattr(signing_keys, "_new_pem", _pem_of_some)
    patch.setattr(structlog.dev.RichTracebackFormatter, "__call__", _print_traceback)
    examine_set_fields_only(patch.setattr)
