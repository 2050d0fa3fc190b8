"""Work that the process of the tests does less often than a deployment: thousands of tests repeat it."""

from __future__ import annotations

import os
import ssl
from functools import cache

import httpcore2
import pytest

from auth_service.crypto import passwords

_NEW_CONTEXT = httpcore2.default_ssl_context


@cache
def _context(trust_env: bool, _file: str | None, _directory: str | None) -> ssl.SSLContext:
    return _NEW_CONTEXT(_trust_env=trust_env)


def _shared_context(*, _trust_env: bool = True) -> ssl.SSLContext:
    return _context(_trust_env, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


def economize(patch: pytest.MonkeyPatch) -> None:
    """Read the certificates of this machine once, which takes 20 ms, and hash passwords in under 1 ms.

    Clients share the context that httpx2 would make for each of them. The cost of a hash is that of the
    processes that tests start, and of `tests/auth_service/crypto/test_passwords.py`.
    """
    patch.setattr(httpcore2, "default_ssl_context", _shared_context)
    patch.setattr(passwords, "COST", passwords.Cost(memory_kib=256, iterations=1, lanes=1))
