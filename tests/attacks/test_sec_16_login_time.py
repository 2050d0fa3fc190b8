"""How long a login takes reveals neither which accounts exist nor what they have (SEC-16).

Attempts of all kinds alternate, and are measured in processor time, which depends little on what else the
machine does. Kinds differ if chance does not explain the difference of their medians, and if it is more than
a fraction of the time of one hash, which is what an attacker would look for. `make soak` measures for longer.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

import anyio
import bcrypt
import pytest

from auth_service.crypto import passwords
from auth_service.users.login_limits import LoginLimits
from auth_service.users.repository import User, UserRepository
from tests.attacks.samples import Difference, difference
from tests.auth_service.endpoints.second_factors import App, key_on
from tests.auth_service.service import AuthorizationServer, running
from tests.flow import Person

pytestmark = pytest.mark.requirement("SEC-16", "ID-5")

ATTEMPTS = int(os.environ.get("DOORWARD_SOAK_LOGINS", "30"))
"""The number of attempts of each kind."""
COST = passwords.Cost(memory_kib=4_096, iterations=3, lanes=1)
CHANCE = 0.001
FRACTION = 0.2
"""The smallest difference that counts, in hashes."""
PASSWORD = "seven moss harbours"
NAMES = {
    "an account": "plain",
    "with a second factor": "careful",
    "without a password": "federated",
    "disabled": "disabled",
    "imported with bcrypt": "imported",
    "imported with cheaper bcrypt": "cheap",
    "no account": "nobody",
    "no possible name": "two words",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorizationServer]:
    """A server without login limits, whose hashes take longer than the rest of a request."""

    async def unlimited(*_: object) -> None:
        pass

    store_url = f"sqlite:///{tmp_path_factory.mktemp('login-time')}/d.db"
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(passwords, "COST", COST)
        patch.setattr(LoginLimits, "attempt", unlimited)
        server = stack.enter_context(running(store_url))
        for name in ("plain", "careful", "disabled"):
            server.add_user(name, PASSWORD).close()
        server.disable_user("disabled")
        for name, cost in (("imported", 6), ("cheap", 4)):
            import_account(server, name, bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(cost)).decode())
        server.with_store(
            lambda store: UserRepository(store, passwords.Passwords(), server.clock).add_federated(
                "the-subject-of-federated", "federated", name=None, email=None
            )
        )
        add_second_factor(server, Person("careful", PASSWORD, trust_env=False))
        yield server


def import_account(server: AuthorizationServer, username: str, password_hash: str) -> None:
    subject = f"the-subject-of-{username}"
    user = User(subject=subject, username=username, password_hash=password_hash, created_at=1)
    server.with_store(lambda store: UserRepository(store, passwords.Passwords(), server.clock).add_new(user))


def add_second_factor(server: AuthorizationServer, person: Person) -> None:
    person.log_in(person.open(f"{server.origin}/login"))
    page = person.open(f"{server.origin}/add-authenticator")
    assert person.submit(page, {"code": App(server, key_on(page)).code()}).status_code == 200
    person.close()


def measured(server: AuthorizationServer) -> dict[str, list[float]]:
    """Seconds of processor time of each failed login, by kind."""
    person, draw = Person(trust_env=False), random.Random(1)  # noqa: S311 -- no secret
    page = person.open(f"{server.origin}/login")
    efforts: dict[str, list[float]] = {kind: [] for kind in NAMES}
    for attempt in range(-3, ATTEMPTS):  # the first ones make the decoy, and fill caches
        for kind in draw.sample(list(NAMES), len(NAMES)):
            began_s = time.process_time()
            response = person.submit(page, {"username": NAMES[kind], "password": f"guess {attempt}"})
            effort_s = time.process_time() - began_s
            assert response.status_code == 401
            if attempt >= 0:
                efforts[kind].append(effort_s)
    person.close()
    return efforts


def seconds_of_a_hash() -> float:
    hasher = passwords.Passwords()
    efforts = []
    for _ in range(5):
        began_s = time.process_time()
        anyio.run(hasher.hash_password, PASSWORD)
        efforts.append(time.process_time() - began_s)
    return median(efforts)


def told_apart(efforts: dict[str, list[float]], hash_s: float) -> dict[str, Difference]:
    """The kinds that take another time than an account, beyond noise."""
    usual = efforts["an account"]
    compared = {kind: difference(usual, others) for kind, others in efforts.items() if others is not usual}
    for kind, gap in compared.items():
        print(f"{kind}: {gap.of_medians * 1e6:+.0f} us of {hash_s * 1e6:.0f} us a hash, p={gap.p:.4f}")  # noqa: T201
    return {
        kind: gap
        for kind, gap in compared.items()
        if gap.p < CHANCE and abs(gap.of_medians) > FRACTION * hash_s
    }


def test_a_failed_login_takes_as_long_for_every_kind_of_account_and_for_none(
    server: AuthorizationServer,
) -> None:
    assert told_apart(measured(server), seconds_of_a_hash()) == {}


def test_the_measurement_would_notice_a_hash_that_is_left_out(
    server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = passwords.Passwords()

    async def authenticate(users: UserRepository, username: str, password: str) -> User | None:
        user = await users.get(username)
        hashed = user.password_hash if user else None
        good = bool(hashed) and await hasher.verify_password(password, hashed)
        return user if good else None

    monkeypatch.setattr(UserRepository, "authenticate", authenticate)
    apart = told_apart(measured(server), seconds_of_a_hash())
    assert apart.keys() >= {"without a password", "no account", "no possible name"}
