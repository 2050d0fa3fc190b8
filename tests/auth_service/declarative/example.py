"""A state, and secrets that files refer to."""

from __future__ import annotations

from auth_service.crypto.secrets import digest
from auth_service.declarative.model import State
from auth_service.protocol.access import Access
from auth_service.protocol.client import Client
from auth_service.users.repository import User

SECRET = "the-secret-of-the-nightly-job-0123456789"


def read_secret(reference: str) -> str:
    values = {"env:NIGHTLY": SECRET, "file:/run/nightly": SECRET, "env:SHORT": "short", "env:PLUS": "+" * 40}
    if reference not in values:
        raise ValueError(f"{reference} is missing")
    return values[reference]


ADA = User(
    subject="the-subject-of-ada-0",
    username="Ada",
    password_hash="$argon2id$v=19$m=256,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
    created_at=0,
    name="Ada \N{ZERO WIDTH JOINER}\N{NO-BREAK SPACE}L",
    email="ada@corp.example",
    accepts_links=False,
)
CLIENT = Client(
    client_id="nightly",
    created_at=0,
    metadata={
        "client_name": "Nightly",
        "client_name#de": "N\N{LATIN SMALL LETTER A WITH DIAERESIS}chtlich",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "dpop_bound_access_tokens": True,
    },
    secret_hash=digest(SECRET),
)
STATE = State(
    people={"ada": ADA},
    groups={"ops": frozenset({"ada"})},
    access=Access(groups={"ops": {"*": frozenset({"*"})}}, contact="it@corp.example"),
    access_version=1,
    clients={
        "nightly": CLIENT,
        "stranger": Client(client_id="stranger", created_at=0, metadata={}, expires_at=9),
    },
)
