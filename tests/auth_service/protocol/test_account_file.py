"""Files of accounts to import."""

from __future__ import annotations

import pytest

from auth_service.protocol import account_file
from auth_service.protocol.account_file import (
    MAX_ACCOUNTS,
    MAX_BYTES,
    MAX_CELL,
    MAX_GROUPS,
    MAX_NAME,
    ImportedAccount,
    InvalidAccountFileError,
    parse_accounts,
)

pytestmark = pytest.mark.requirement("ID-8")


def is_hash(text: str) -> bool:
    return text.startswith("$")


def parsed(text: str) -> list[ImportedAccount]:
    return parse_accounts(text.encode(), is_hash)


def test_the_first_line_says_which_columns_there_are_and_an_empty_cell_says_nothing() -> None:
    assert parsed(
        "\ufeffGroups,username,name,email,email_verified,admin,disabled,password_hash\r\n"
        'ops; dev,ada,"Lovelace, Ada",Ada@Corp.example,yes,TRUE,false,$2b$\r\n'
        "\r\n"
        ",eve,,,,,,\r\n"
    ) == [
        ImportedAccount(
            line=2,
            username="ada",
            name="Lovelace, Ada",
            email="ada@corp.example",
            email_verified=True,
            groups=frozenset({"ops", "dev"}),
            admin=True,
            disabled=False,
            password_hash="$2b$",
        ),
        ImportedAccount(line=4, username="eve"),
    ]


def test_an_address_is_not_verified_unless_the_file_says_so() -> None:
    [ada, eve] = parsed("username,email,roles\nada,ada@corp.example,admin\neve,,\n")
    assert not ada.email_verified
    assert (ada.admin, eve.admin) == (True, None)


BAD = {
    "": "line 1: the column username is missing",
    "name\nada": "line 1: the column username is missing",
    "username,password\nada,x": "line 1: 'password' is not a column",
    "username,username\nada,ada": "line 1: a column is named twice",
    "username,admin,roles,name\n": "only one of the columns admin and roles",
    "admin,roles\n": "only one of the columns admin and roles",
    "username,admin,roles\n": "only one of the columns admin and roles",
    "username,email_verified\n": "email_verified needs the column email",
    "username,name\nada": "line 2: 1 cells for 2 columns",
    "username\nada\n\ne ve": "line 4: a username must not contain spaces",
    "username\nada\nADA": "line 3: ADA is on line 2 already",
    "username,email,email_verified\nada,a@b.example,1\neve,A@b.example,1": "line 3: a@b.example is on line 2",
    "username,email\nada,ada": "line 2: the e-mail address must have the form",
    "username,admin\nada,maybe": "line 2: admin must be true or false",
    "username,roles\nada,owner": "line 2: 'owner' is not a role",
    "username,groups\nada,administrators": "line 2: administrators is not a local group",
    f"username,groups\nada,{';'.join(f'g{n}' for n in range(MAX_GROUPS + 1))}": "more than 100 groups",
    "username,groups\nada,a b": "line 2: 'a b' is not a valid group name",
    "username,password_hash\nada,hunter2": "line 2: password_hash is not a hash",
    'username,name\nada,"open': "line 2: unexpected end of data",
    'username,name\nada,"two\nlines"': "name is longer than 1000 characters or has control characters",
    "username,name\nada,\x1b[2J": "line 2: name is longer than 1000 characters or has control characters",
    f"username,name\nada,{'x' * 1_001}": "line 2: name is longer",
    f"username,name\nada,{'x' * 201}": "line 2: name is longer than 200",
    "username,name\nada,\x00": "line 2: name is longer than 1000 characters or has control characters",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_bad_file_is_refused_with_the_line(text: str) -> None:
    with pytest.raises(InvalidAccountFileError) as refused:
        parsed(text)
    assert any(BAD[text] in problem for problem in refused.value.problems), refused.value.problems
    assert "hunter2" not in str(refused.value)


def test_all_problems_of_all_lines_are_reported_together() -> None:
    with pytest.raises(InvalidAccountFileError) as refused:
        parsed("username,email,admin\ne ve,x,maybe\nada,y,\n")
    assert [problem.split(":")[0] for problem in refused.value.problems] == ["line 2"] * 3 + ["line 3"]


def test_a_file_has_bounds() -> None:
    with pytest.raises(InvalidAccountFileError, match="more than 10000 accounts"):
        parsed("username\n" + "\n".join(f"u{number}" for number in range(MAX_ACCOUNTS + 1)))
    with pytest.raises(InvalidAccountFileError, match="line 3: the file is not UTF-8"):
        parse_accounts(b"username\nada\n\xff", is_hash)
    with pytest.raises(InvalidAccountFileError, match="line 2: the file is not UTF-8"):
        parse_accounts(b"\n\xff", is_hash)


@pytest.mark.parametrize(("size", "accepted"), [(19, True), (20, True), (21, False), (22, False)])
def test_a_file_has_a_limited_number_of_bytes(
    size: int, accepted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_BYTES == 10_485_760
    monkeypatch.setattr(account_file, "MAX_BYTES", 20)
    content = b"username\nada\n".ljust(size, b"\n")
    if accepted:
        assert [account.username for account in parse_accounts(content, is_hash)] == ["ada"]
        return
    with pytest.raises(InvalidAccountFileError, match="larger than 20 bytes"):
        parse_accounts(content, is_hash)


def test_the_longest_name_the_longest_cell_and_the_most_groups_are_accepted() -> None:
    groups = [f"g{number}" for number in range(MAX_GROUPS)]
    [ada] = parsed(f"username,name,groups\nada,{'x' * MAX_NAME},{';'.join(groups).ljust(MAX_CELL)}\n")
    assert (ada.name, ada.groups) == ("x" * MAX_NAME, frozenset(groups))


@pytest.mark.parametrize(
    ("cell", "means"),
    [("true", True), ("yes", True), ("1", True), ("false", False), ("no", False), ("0", False)],
)
def test_a_truth_has_three_spellings(cell: str, means: bool) -> None:
    assert parsed(f"username,disabled\nada,{cell}\n")[0].disabled is means


def test_an_address_that_nobody_has_verified_may_be_repeated() -> None:
    accounts = parsed(
        "username,email,email_verified\nada,a@b.example,\neve,a@b.example,no\nbob,,yes\neva,,yes\n"
    )
    assert len(accounts) == 4
    assert str(InvalidAccountFileError("one", "two")) == "one; two"
