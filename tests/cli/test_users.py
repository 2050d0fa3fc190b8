"""`doorward users`, against a real store."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import bcrypt
import pytest

from auth_service.crypto.passwords import Passwords
from auth_service.federation.identities import IdentityRepository, Origin
from auth_service.protocol.factors import AuthenticatorApp
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.users.factors import FactorRepository
from auth_service.users.repository import UserRepository
from shared.clock import system_clock
from shared.storage import open_store
from tests.cli.command import doorward, up

pytestmark = [pytest.mark.long, pytest.mark.anyio]

PASSWORD, OTHER = "quiet copper lantern", "seven moss harbours"
BCRYPT = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture
async def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/store.db"
    await open_store(url).aclose()
    return url


class Command:
    """`doorward users` on one store."""

    def __init__(self, url: str, cwd: Path) -> None:
        self._url = url
        self._cwd = cwd

    def __call__(self, *arguments: str, stdin: str = "") -> CompletedProcess[str]:
        return doorward("users", *arguments, cwd=self._cwd, stdin=stdin, DOORWARD_STORE=self._url)


@pytest.fixture
def users(url: str, tmp_path: Path) -> Command:
    return Command(url, tmp_path)


async def can_log_in(url: str, username: str, password: str) -> bool:
    store = open_store(url)
    try:
        return await UserRepository(store, Passwords()).authenticate(username, password) is not None
    finally:
        await store.aclose()


async def test_an_added_user_can_log_in_with_the_password_from_standard_input(
    users: Command, url: str
) -> None:
    done = users("add", "ada", "--name", "Ada Lovelace", stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    assert await can_log_in(url, "ada", PASSWORD)
    assert not await can_log_in(url, "ada", "wrong")


async def test_the_list_shows_names_and_who_is_disabled(users: Command) -> None:
    users("add", "ada", "--name", "Ada [the first]", stdin=f"{PASSWORD}\n")
    users("add", "bob", stdin=f"{PASSWORD}\n")
    users("disable", "bob")
    (headers, ada, bob) = (line.split("\t") for line in users("list").stdout.splitlines())
    assert headers == ["USERNAME", "SUBJECT", "NAME", "E-MAIL", "CREATED", "STATE"]
    today = datetime.now(UTC).date().isoformat()
    assert (ada[0], ada[2:]) == ("ada", ["Ada [the first]", "-", today, "-"])
    assert (bob[0], bob[2:]) == ("bob", ["-", "-", today, "disabled"])
    assert ada[1] != bob[1]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{20,}", line[1]) for line in (ada, bob))  # the subject


def marks(users: Command) -> list[str]:
    """The names and states of the list."""
    rows = [line.split("\t") for line in users("list").stdout.splitlines()[1:]]
    return [" ".join(each for each in (row[0], row[2], row[5]) if each != "-") for row in rows]


async def test_an_administrator_is_made_at_once_or_later_and_unmade(users: Command) -> None:
    users("add", "ada", "--admin", stdin=f"{PASSWORD}\n")
    users("add", "bob", stdin=f"{PASSWORD}\n")
    assert marks(users) == ["ada administrator", "bob"]
    assert users("promote", "bob").returncode == 0
    assert users("demote", "ada").returncode == 0
    assert marks(users) == ["ada", "bob administrator"]


async def test_a_disabled_user_cannot_log_in_until_enabled_again(users: Command, url: str) -> None:
    users("add", "ada", stdin=f"{PASSWORD}\n")
    assert users("disable", "ada").returncode == 0
    assert not await can_log_in(url, "ada", PASSWORD)
    assert users("enable", "ada").returncode == 0
    assert await can_log_in(url, "ada", PASSWORD)


@pytest.mark.requirement("ID-7")
async def test_a_deleted_user_is_gone_and_the_name_is_free(users: Command, url: str) -> None:
    users("add", "ada", stdin=f"{PASSWORD}\n")
    assert users("delete", "ada", "--yes").returncode == 0
    assert marks(users) == []
    assert not await can_log_in(url, "ada", PASSWORD)
    assert users("add", "ada", stdin=f"{OTHER}\n").returncode == 0


@pytest.mark.requirement("ID-5")
async def test_lost_second_factors_are_removed_and_the_person_is_told(users: Command, url: str) -> None:
    users("add", "ada", stdin=f"{PASSWORD}\n")
    assert "ada has no second factor" in users("reset-factors", "ada", "--yes").stdout
    store = open_store(url)
    try:
        user = await UserRepository(store, Passwords()).get("ada")
        assert user
        factors = FactorRepository(store, system_clock)
        app = AuthenticatorApp(sealed="sealed", added_at=0)
        await factors.change(user.subject, lambda before: (replace(before, app=app), None))
        assert "Removed the second factors of ada" in users("reset-factors", "ada", "--yes").stdout
        left = await factors.of(user.subject)
        assert left.count == 0
        assert "removed by an administrator" in left.notices[0].text
    finally:
        await store.aclose()


async def test_passwd_replaces_the_password(users: Command, url: str) -> None:
    users("add", "ada", stdin=f"{PASSWORD}\n")
    assert users("passwd", "ada", stdin=f"{OTHER}\n").returncode == 0
    assert await can_log_in(url, "ada", OTHER)
    assert not await can_log_in(url, "ada", PASSWORD)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), ["ada", "bob", "eve"]),
        (("--search", "B"), ["bob"]),
        (("--administrators",), ["ada"]),
        (("--disabled",), ["bob"]),
        (("--invited",), ["eve"]),
        (("--invited", "--disabled"), []),
    ],
)
async def test_the_list_is_filtered(users: Command, arguments: tuple[str, ...], names: list[str]) -> None:
    users("add", "ada", "--admin", stdin=f"{PASSWORD}\n")
    users("add", "bob", stdin=f"{PASSWORD}\n")
    users("disable", "bob")
    users("invite", "eve")
    listed = users("list", *arguments).stdout.splitlines()[1:]
    assert [line.partition("\t")[0] for line in listed] == names


@pytest.mark.requirement("ID-6")
async def test_an_invitation_and_a_reset_print_a_link_once(users: Command) -> None:
    invited = users("invite", "ada", "--name", "Ada", "--email", "ada@corp.example")
    assert re.fullmatch(r"http://localhost:9000/set-password\?link=dw_al_\S{60,}\n", invited.stdout)
    assert marks(users) == ["ada Ada invited"]
    assert users("reset", "ada").stdout != invited.stdout
    assert "the user already exists" in users("invite", "ada").stderr


@pytest.mark.requirement("ID-7")
async def test_identities_are_listed_and_disconnected(users: Command, url: str) -> None:
    users("add", "ada", stdin=f"{PASSWORD}\n")
    store = open_store(url)
    ada = await UserRepository(store, Passwords()).named("ada")
    identity = FederatedIdentity(issuer="https://idp.example", subject="1", names=("ada@corp",))
    await IdentityRepository(store, system_clock).connect(identity, "corp", ada.subject, origin=Origin.OWNER)
    await store.aclose()
    (_, line) = users("identities", "ada").stdout.splitlines()
    identity_id, *columns = line.split("\t")
    assert (columns[0], columns[1], columns[3]) == ("corp", "ada@corp", "-")
    assert users("disconnect", "ada", identity_id, "--yes").returncode == 0
    assert users("identities", "ada").stdout == "ID\tPROVIDER\tNAME\tCONNECTED\tLAST USED\n"
    again = users("disconnect", "ada", identity_id, "--yes")
    assert (again.returncode, "not connected" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        pytest.param(("add", "ada"), f"{PASSWORD}\n", "the user already exists", id="taken"),
        pytest.param(
            ("add", "a d a"), f"{PASSWORD}\n", "a username must not contain spaces", id="not a name"
        ),
        pytest.param(("add", "bob"), "\n", "a password has 8 to 128 characters", id="empty password"),
        pytest.param(("add", "bob"), "boB12026\n", "easily guessed", id="easy password"),
        pytest.param(("add", "bob"), f"{PASSWORD * 7}\n", "8 to 128 characters", id="endless password"),
        pytest.param(("passwd", "ada"), "password1\n", "easily guessed", id="easy new password"),
        pytest.param(("disable", "eve"), "", "there is no such user", id="disable nobody"),
        pytest.param(("enable", "eve"), "", "there is no such user", id="enable nobody"),
        pytest.param(("delete", "eve", "--yes"), "", "there is no such user", id="delete nobody"),
        pytest.param(("delete", "ada"), "y\n", "--yes must answer", id="delete without a terminal"),
        pytest.param(("promote", "eve"), "", "there is no such user", id="promote nobody"),
        pytest.param(("demote", "eve"), "", "there is no such user", id="demote nobody"),
        pytest.param(("passwd", "eve"), f"{PASSWORD}\n", "there is no such user", id="passwd of nobody"),
    ],
)
async def test_an_operation_that_cannot_be_done_is_reported_in_one_line(
    users: Command, arguments: tuple[str, ...], stdin: str, message: str
) -> None:
    users("add", "ada", stdin=f"{PASSWORD}\n")
    done = users(*arguments, stdin=stdin)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_store_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    done = doorward("users", "list", cwd=tmp_path, DOORWARD_STORE="redis://127.0.0.1:1")
    assert done.returncode == 2
    assert "the store does not respond" in done.stderr
    assert "Traceback" not in done.stderr


async def test_without_settings_it_finds_what_up_made_here(tmp_path: Path) -> None:
    assert "DOORWARD_STORE is not set" in doorward("users", "list", cwd=tmp_path).stderr
    with up(tmp_path):
        added = doorward("users", "add", "ada", cwd=tmp_path, stdin=f"{PASSWORD}\n")
        assert added.returncode == 0, added.stderr
        assert doorward("users", "list", cwd=tmp_path).stdout.splitlines()[1].startswith("ada\t")


@pytest.mark.requirement("ID-2")
async def test_an_address_is_of_one_account_and_can_be_taken_back(users: Command, url: str) -> None:
    users("add", "ada", stdin=f"{PASSWORD}\n")
    users("add", "bob", stdin=f"{PASSWORD}\n")
    assert users("email", "ada", "Ada@Corp.example").returncode == 0
    refused = users("email", "bob", "ada@corp.example")
    assert (refused.returncode, "another account has that e-mail address" in refused.stderr) == (2, True)
    assert "must have the form name@domain" in users("email", "bob", "bob at corp").stderr
    assert users("email", "ada").returncode == 0
    assert users("email", "bob", "ada@corp.example").returncode == 0
    store = open_store(url)
    try:
        owner = await UserRepository(store, Passwords()).by_email("ada@corp.example")
    finally:
        await store.aclose()
    assert owner is not None
    assert owner.username == "bob"


async def test_an_import_shows_its_changes_first_and_a_bad_file_changes_nothing(
    users: Command, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("username,name\nada,Ada \x1b[2J\ne ve,Eve\nbob,\n")
    refused = users("import", "people.csv", "--yes")
    assert refused.returncode == 2
    assert "line 2: " in refused.stderr
    file.write_text("username,name,admin\nada,Ada,yes\ne ve,Eve,no\nx y,,perhaps\n")
    refused = users("import", "people.csv", "--yes")
    assert (refused.returncode, marks(users)) == (2, [])
    assert refused.stderr.count("line 3") == 1
    assert refused.stderr.count("line 4") == 2
    file.write_text(f"username,name,admin,password_hash\nada,Ada,yes,{BCRYPT}\nbob,,,\n")
    for arguments, stdin, status in ((("--dry-run",), "", 0), ((), "y\n", 2), (("--yes",), "", 0)):
        assert marks(users) == []
        done = users("import", "people.csv", *arguments, stdin=stdin)
        assert done.returncode == status, done.stderr
        assert "+ ada\n    name: Ada\n    administrator\n    password\n+ bob\n" in done.stdout
    assert marks(users) == ["ada Ada administrator", "bob"]
    assert await can_log_in(url, "ada", PASSWORD)
    assert "Nothing to do" in users("import", "people.csv", "--yes").stdout
    file.write_text("username,name\nada,Ada Lovelace\n")
    refused = users("import", "people.csv", "--yes")
    assert (refused.returncode, "--update" in refused.stderr) == (2, True)
    assert users("import", "people.csv", "--yes", "--update").returncode == 0
    assert marks(users) == ["ada Ada Lovelace administrator", "bob"]


async def test_an_address_that_the_person_entered_is_confirmed_as_it_was_entered(
    users: Command, url: str, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text("username,email\nada,ada@corp.example\n")
    users("import", "people.csv", "--yes")
    assert marks(users) == ["ada unproven address ada@corp.example"]
    refused = users("confirm-email", "ada", "eve@corp.example")
    assert (refused.returncode, "waits for no confirmation" in refused.stderr) == (2, True)
    assert users("confirm-email", "ada", "ada@corp.example").returncode == 0
    assert marks(users) == ["ada"]


async def test_a_reset_leaves_the_password_valid_unless_it_locks_the_account(
    users: Command, url: str
) -> None:
    users("add", "ada", stdin=f"{PASSWORD}\n")
    assert "/set-password?link=" in users("reset", "ada").stdout
    assert await can_log_in(url, "ada", PASSWORD)
    assert "/set-password?link=" in users("reset", "ada", "--lock", "--yes").stdout
    assert not await can_log_in(url, "ada", PASSWORD)
