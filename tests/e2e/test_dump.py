"""The contents of the store after a full flow: no credentials, and only documented keys."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from auth_service.crypto.encrypted_file import decrypted
from auth_service.crypto.encryption_keys import parse_identities
from auth_service.storage import keys
from auth_service.storage.key_schema import SCHEMA
from shared.storage.key_spec import PREFIX, KeySpec
from tests.cli.command import doorward
from tests.e2e.aftermath import Flow, lived_in
from tests.e2e.dump import Entry, candidates, dump, messages
from tests.e2e.secret_kinds import Secret, secrets_of
from tests.e2e.volley import Battery, battery
from tests.machine import require
from tests.servers import redis_running

pytestmark = [pytest.mark.anyio, pytest.mark.long, pytest.mark.xdist_group("dump")]

PUBLIC = "age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wh"
PRIVATE = "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SWRYDWG"
AT_ONCE = 20
BARE = re.compile(r"[A-Za-z0-9_-]{16,}")
"""A secret without its prefix."""

DAY_S = 86_400
GRANTED_S = 180 * DAY_S + 600
"""How long anything that was granted lives at most, its code included."""
LONGEST_S = {
    "client": GRANTED_S + DAY_S,
    "clients": GRANTED_S + DAY_S,
    "initial-access-token": DAY_S,
    "initial-access-tokens": DAY_S,
    "client-grants": GRANTED_S,
    "grant": GRANTED_S + 600,
    "subject-grants": GRANTED_S,
    "tool-calls": 8 * DAY_S,
    "used-names": 180 * DAY_S,
    "second-step": 600,
    "passkey-challenge": 600,
    "known-browsers": 365 * DAY_S,
    "session": 7 * DAY_S,
    "subject-sessions": 7 * DAY_S,
    "pending": 1_800,
    "submission": 3_600,
    "pushed": 90,
    "device": 660,
    "user-code": 600,
    "consent": 180 * DAY_S,
    "count": 180 * DAY_S,
    "once": 180 * DAY_S,
    "ping": 1,
}


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("store")
    if request.param == "sqlite":
        yield f"sqlite:///{directory}/auth.sqlite3"
        return
    require("redis-server")
    with redis_running(directory) as redis:
        yield redis.url


@pytest.fixture(scope="module")
def flow(store_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flow]:
    with lived_in(store_url, tmp_path_factory.mktemp("flow")) as flow:
        yield flow


@pytest.fixture(scope="module")
def entries(flow: Flow, store_url: str) -> list[Entry]:
    return dump(store_url)


async def opening(secret: Secret, texts: list[str], lines: Battery) -> list[str]:
    """Those of the texts that open what the secret opens."""
    leaks = []
    for start in range(0, len(texts), AT_ONCE):
        tried = texts[start : start + AT_ONCE]
        answers = await lines.fire(map(secret.use, tried))
        leaks += [text for text, answer in zip(tried, answers, strict=True) if secret.opens(answer)]
    return leaks


@pytest.mark.requirement("SEC-10", "AS-13", "AS-23")
async def test_nothing_in_the_store_authenticates_anybody(
    flow: Flow, entries: list[Entry], store_url: str
) -> None:
    texts = candidates([*entries, Entry("", None, tuple(messages(store_url)))])
    of_users = candidates(entry for entry in entries if entry.key == keys.user(flow.person.username))
    async with battery([flow.deployment.auth[0].port], AT_ONCE) as lines:
        for secret in secrets_of(flow):
            assert secret.real not in texts, secret.name
            tried = of_users if secret.costly else texts
            tried = [
                *tried,
                *(secret.prefix + text for text in tried if secret.prefix and BARE.fullmatch(text)),
            ]
            assert await opening(secret, tried, lines) == [], secret.name
            # In the same way, the real one opens.
            assert await opening(secret, [secret.real], lines) == [secret.real], secret.name


@pytest.mark.requirement("OP-4")
def test_a_backup_shows_nothing_of_what_is_stored(
    flow: Flow, entries: list[Entry], store_url: str, tmp_path: Path
) -> None:
    arguments = ("backup", "x.age", "--recipient", PUBLIC)
    done = doorward(*arguments, cwd=tmp_path, DOORWARD_STORE=store_url)
    assert done.returncode == 0, done.stderr
    content = (tmp_path / "x.age").read_bytes()
    stored = [text for entry in entries for text in (entry.key.encode(), *entry.values) if len(text) > 7]
    secrets = [secret.real.encode() for secret in secrets_of(flow)]
    assert [text for text in (*stored, *secrets) if text in content] == []
    with decrypted(BytesIO(content), parse_identities(PRIVATE)) as chunks:
        plain = b"".join(chunks)
    assert [entry.key for entry in entries if entry.ttl_s is None and entry.key.encode() not in plain] == []
    assert [text for text in secrets if text in plain] == []


FEDERATED = {
    *("email", "federated-login", "identity", "provider-session", "subject-identities"),
    *("logout-return", "provider-id-token", "upstream-credential"),
}
"""Families of keys that only logins through identity providers make."""

CONNECTED_ACCOUNTS = {
    *("connected-account", "subject-connected-accounts", "connect-link", "connect-link-of"),
    *("connect-attempt", "disconnections", "ended-tokens", "discovered-upstream"),
}
"""Families of keys that only connected accounts make."""

APPROVALS = {"call-approval", "call-approval-of", "pending-approvals"}
"""Families of keys that only approvals of calls make."""

SECOND_FACTORS = {"factors", "second-step", "passkey-challenge"}
"""Families of keys that only second factors make."""


def test_the_search_would_find_a_secret_however_it_is_kept() -> None:
    secret = "dw_rt_0123456789abcdefghijklmnop-_"
    for stored_form in (
        secret.encode(),
        f'{{"a": [{{"b": "{secret}"}}]}}'.encode(),
        f"key:{secret}:other".encode(),
        secret.encode().hex().encode(),
        base64.b64encode(secret.encode()),
    ):
        assert secret in candidates([Entry("a key", None, (stored_form,))])
    assert secret in candidates([Entry(f"doorward:x:{secret}", None, (b"",))])


def family_of(key: str) -> KeySpec:
    """The documentation of a key."""
    [spec] = [spec for spec in SCHEMA if _pattern(spec).fullmatch(key)]
    return spec


def _pattern(spec: KeySpec) -> re.Pattern[str]:
    fixed = re.split(r"\{[^}]*\}", PREFIX + spec.pattern)
    return re.compile(".+".join(map(re.escape, fixed)))


def test_every_key_is_documented_and_is_of_the_kind_that_the_documentation_says(entries: list[Entry]) -> None:
    for entry in entries:
        assert (family_of(entry.key).kind == "index") == entry.is_index, entry.key


def test_every_key_is_kept_for_as_long_as_the_documentation_says(entries: list[Entry]) -> None:
    for entry in entries:
        spec = family_of(entry.key)
        assert (entry.ttl_s is None) == (spec.lifetime == "until deleted"), entry.key
        # SQLite purges what has expired only now and then.
        assert (entry.ttl_s or 0) <= LONGEST_S.get(spec.pattern.partition(":")[0], 0), entry.key


def test_the_flow_leaves_keys_of_every_family(entries: list[Entry]) -> None:
    seen = {family_of(entry.key).pattern for entry in entries}
    unseen = {spec.pattern for spec in SCHEMA} - seen
    # A ping expires within a second. Clients here are used by now. Nobody logs in through a provider
    # here: tests/attacks/test_sec_16_federated_login.py looks into the store after that.
    # Nobody has a second factor: tests/auth_service/endpoints/test_authenticator_app.py looks into the store.
    # Nobody connects an account: tests/auth_service/connected_accounts looks into the store.
    # No call needs an approval: tests/auth_service/call_approvals looks into the store.
    optional = FEDERATED | SECOND_FACTORS | CONNECTED_ACCOUNTS | APPROVALS
    elsewhere = {pattern for pattern in unseen if pattern.partition(":")[0] in optional}
    # Nobody calls a tool here: tests/auth_service/endpoints/test_events.py looks into the store.
    # Nobody applies a file with settings here: tests/auth_service/test_reloading.py looks into the store.
    # Nothing is restored here, nor is there a revocation log: tests/faults/test_backup.py has both.
    elsewhere |= unseen & {"ping", "tool-calls:{grant_id}", "declared-settings"}
    # Nor is anything stopped: tests/e2e/test_stop_switch.py does. No gateway pins definitions here, and
    # nobody approves any: tests/e2e/test_definitions.py does.
    elsewhere |= unseen & {"restoration", "revocation-log", "stops", "approved-definitions"}
    elsewhere |= unseen & {"reported-definitions:{hash of the resource}"}
    assert unseen - elsewhere == {"clients:unused"}
    # There is an index of the ended tokens, too.
    assert len(elsewhere - {"ping"}) == len(optional) + 8
