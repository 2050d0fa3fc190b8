"""The authorization server of the tests in this process."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
import structlog

from tests.resource_service.authorization_server import AuthorizationServer
from tests.verifiers.browsing import RESOURCE, TOKEN


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """A verifier sets up the logs of our packages; the tests after these are not to find them so."""
    yield
    structlog.reset_defaults()
    for name in ("resource_service", "shared"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def issuer_running() -> Iterator[AuthorizationServer]:
    server = AuthorizationServer().start()
    yield server
    server.stop()


@pytest.fixture
def issuer(issuer_running: AuthorizationServer) -> AuthorizationServer:
    """The authorization server, which knows `TOKEN`."""
    issuer_running.questions.clear()
    issuer_running.replies.clear()
    issuer_running.tokens[TOKEN] = {
        "active": True,
        "scope": "write",
        "client_id": "client-1",
        "username": "wesen",
        "sub": "user-1",
        "iss": issuer_running.url,
        "aud": RESOURCE,
        "exp": int(time.time()) + 600,
        "token_type": "Bearer",
    }
    return issuer_running
