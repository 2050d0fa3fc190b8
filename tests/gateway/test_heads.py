"""Node behind the gateway reads the same `Mcp-…` headers as the gateway (RS-12)."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.outside import install
from tests.gateway.upstreams import gateway, node_upstream
from tests.machine import require
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for

pytestmark = pytest.mark.requirement("RS-12")

HEADS = int(os.environ.get("DOORWARD_SOAK_HEADS", "300"))
BODY = json.dumps(call("safe")).encode()
JUDGED = {"mcp-method": "tools/call", "mcp-name": "safe"}
NAMES = (
    *("Mcp-Name", "mcp-name", "MCP-NAME", "Mcp_Name"),
    *("Mcp-Name ", " Mcp-Name", "Mcp-Name\t", "Mcp-Nam\xe9", "Mcp-N\0ame"),
)
VALUES = (
    *("safe", " safe ", "safe\t", "=?base64?c2FmZQ==?="),
    *("delete_all", "safe, delete_all", "sa\r\n fe", "delete\xe9", ""),
)


@pytest.fixture(scope="module")
def behind(issuer: AuthorizationServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    require("node")
    command = [shutil.which("node") or "node", str(install.HERE / "heads.mjs")]
    directory: Path = tmp_path_factory.mktemp("heads")
    with node_upstream(command, directory) as upstream, gateway(issuer, directory, upstream.url) as service:
        yield service


def head(rng: random.Random, service: Service, token: str) -> bytes:
    """A request whose lines for the name of the tool are not what a client would send."""
    usual = {**bearer(token), **modern_headers("safe"), "Content-Length": str(len(BODY))}
    lines = [f"{name}: {value}" for name, value in usual.items() if name.lower() != "mcp-name"]
    lines += [
        f"{rng.choice(NAMES)}:{rng.choice((' ', ''))}{rng.choice(VALUES)}" for _ in range(rng.randint(0, 2))
    ]
    if rng.random() < 0.6:
        lines.append("Mcp-Name: safe")
    rng.shuffle(lines)
    first = f"POST {service.resource.removeprefix(service.origin)} HTTP/1.1"
    host = f"Host: {service.origin.removeprefix('http://')}"
    text = "\r\n".join((first, host, "Connection: close", *lines, "", ""))
    return text.encode("latin-1") + BODY


def sent(service: Service, request: bytes) -> tuple[int, bytes]:
    """The status and the body of the answer."""
    address, port = service.origin.removeprefix("http://").split(":")
    with socket.create_connection((address, int(port)), timeout=30) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    top, _, body = answer.partition(b"\r\n\r\n")
    return int(top.split(b" ")[1]), body


def read_by_node(body: bytes) -> set[tuple[str, str]]:
    """The headers with the names that were judged, however a server may spell them."""
    seen = json.loads(body)["result"]["seen"]
    pairs = ((name.lower().replace("_", "-"), value) for name, value in seen)
    return {(name, value) for name, value in pairs if name in JUDGED}


def test_no_head_that_node_reads_otherwise_passes(behind: Service, issuer: AuthorizationServer) -> None:
    rng = random.Random(os.environ.get("DOORWARD_SOAK_SEED", "heads"))  # noqa: S311 -- repeatable
    token = token_for(behind, issuer)
    answers = [sent(behind, head(rng, behind, token)) for _ in range(HEADS)]
    passed = [body for status, body in answers if status == 200]
    assert len(passed) > HEADS / 20
    assert len(answers) - len(passed) > HEADS / 4
    assert {status for status, _ in answers} <= {200, 400}
    for body in passed:
        assert read_by_node(body) <= {*JUDGED.items(), ("mcp-name", "=?base64?c2FmZQ==?=")}
