"""A forbidden call in 200 disguises, at servers with parsers of their own: none of them runs (RS-12).

Express (the TypeScript SDK) and supergateway parse bodies with body-parser, mcp-go with encoding/json.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.gateway.exchange import INITIALIZE, MESSAGE
from tests.gateway.outside import install
from tests.gateway.upstreams import Upstream, gateway, running_upstream, stdio
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for
from tests.servers import free_port

pytestmark = pytest.mark.requirement("RS-12", "SEC-11")

DISGUISES = int(os.environ.get("DOORWARD_SOAK_DISGUISES", "200"))
POLICY = """\
scopes:
  read: Read
  admin: Everything
default: admin
tools:
  safe: read
"""
SERVERS = ("express", "express-stdio", "mcp-go", "mcp-go-stdio", "supergateway")
FOLDED = {"s": "sS\u017f", "k": "kK\u212a"}
"""Other spellings of a letter than its two cases."""


@dataclass
class Behind:
    """A gateway, and what the server behind it has done."""

    service: Service
    file: Path

    @property
    def done(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []


@pytest.fixture(scope="module", params=SERVERS)
def behind(
    request: pytest.FixtureRequest, issuer: AuthorizationServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    directory = tmp_path_factory.mktemp(request.param)
    file, policy = directory / "ledger", directory / "policy.yaml"
    policy.write_text(POLICY)
    kind = request.param.removesuffix("-stdio")
    command = [*(install.mcp_go() if kind == "mcp-go" else install.express()), str(file)]
    with ExitStack() as stack:
        if request.param.endswith("-stdio"):
            upstream = stdio(*command)
        else:
            port = free_port()
            started = install.supergateway(stdio_command=command, port=port)
            command = started if kind == "supergateway" else [*command, str(port)]
            log_file = directory / "upstream.log"
            upstream = stack.enter_context(running_upstream(Upstream(command, {}, log_file, port))).url
        service = stack.enter_context(gateway(issuer, directory, upstream, policy=str(policy)))
        yield Behind(service, file)


def respelled(rng: random.Random, name: str) -> str:
    """`name` with a letter that some parsers take for the one that it has."""
    at = rng.choice([place for place, letter in enumerate(name) if letter.isalpha()])
    letter = name[at]
    others = [other for other in FOLDED.get(letter.lower(), letter.swapcase()) if other != letter]
    return name[:at] + rng.choice(others) + name[at + 1 :]


def disguise(rng: random.Random) -> tuple[bytes, dict[str, str]]:
    """A body that calls ``delete_all`` for some parser and ``safe`` for another, and headers for it."""
    true, harmless = '"delete_all"', '"safe"'
    name = respelled(rng, "name")
    head = '{"jsonrpc":"2.0","id":1,"method":"tools/call",'
    match rng.randint(0, 6):
        case 0:
            pairs = [f'"name":{harmless}', f'"{name}":{true}', '"arguments":{}']
            rng.shuffle(pairs)
            return f'{head}"params":{{{",".join(pairs)}}}}}'.encode(), {}
        case 1:
            params = respelled(rng, "params")
            both = [f'"params":{{"name":{harmless}}}', f'"{params}":{{"name":{true}}}']
            rng.shuffle(both)
            return f"{head}{','.join(both)}}}".encode(), {}
        case 2:
            method = respelled(rng, "method")
            params = f'"params":{{"name":{true}}}'
            text = f'{{"jsonrpc":"2.0","id":1,"method":"ping","{method}":"tools/call",{params}}}'
            return text.encode(), {}
        case 3:
            hidden = f'"x":"","name":{true},"y":""'.replace('"', "+ACI-")
            text = f'{head}"params":{{"name":{harmless},"arguments":{{}},"x":"{hidden}"}}}}'
            charset = rng.choice(["utf-7", "UTF-7", '"utf-7"', "unicode-1-1-utf-7", "utf-7-imap"])
            return text.encode(), {"Content-Type": f"application/json; charset={charset}"}
        case 4:
            charset = rng.choice(["utf-16", "utf-16le", "utf-16be", "utf-32"])
            text = f'{head}"params":{{"name":{true},"arguments":{{}}}}}}'
            return text.encode(charset), {"Content-Type": f"application/json; charset={charset}"}
        case 5:
            text = json.dumps([call("safe"), json.loads(f'{head}"params":{{"name":{true}}}}}')])
            return text.replace("delete_all", rng.choice(["delete_all", "\\u0064elete_all"])).encode(), {}
        case _:
            spelled = true.replace("d", "\\u0064") if rng.random() < 0.5 else true
            text = json.dumps(call("safe")).replace(harmless, spelled)
            return text.encode(), modern_headers(rng.choice(["safe", "delete_all"]))


@pytest.fixture
def client(behind: Behind, issuer: AuthorizationServer) -> Iterator[httpx2.Client]:
    """One that may call ``safe``, in a session where the server has them."""
    with httpx2.Client(base_url=behind.service.origin, timeout=60, trust_env=False) as client:
        client.headers.update(bearer(token_for(behind.service, issuer, scope="read")) | MESSAGE)
        opened = client.post("/mcp", json=INITIALIZE)
        assert opened.status_code == 200, opened.text
        if session := opened.headers.get("mcp-session-id"):
            client.headers["Mcp-Session-Id"] = session
            client.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        yield client


def test_no_disguise_of_a_forbidden_call_runs_and_an_allowed_call_does(
    client: httpx2.Client, behind: Behind
) -> None:
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "safe", "arguments": {}}}
    assert client.post("/mcp", json=message).status_code == 200
    assert behind.done == ["safe"]
    rng = random.Random(os.environ.get("DOORWARD_SOAK_SEED", "disguises"))  # noqa: S311 -- repeatable
    for _ in range(DISGUISES):
        body, headers = disguise(rng)
        response = client.post("/mcp", content=body, headers=headers)
        assert response.status_code in (400, 403, 415), (body, headers, response.text)
    assert behind.done == ["safe"]
