"""Files of accounts to import, as CSV (RFC 4180) whose first line names the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from auth_service.protocol.access import ADMINISTRATORS
from auth_service.protocol.access_document import group_name
from auth_service.protocol.email_addresses import required
from auth_service.protocol.usernames import canonical

COLUMNS = (
    "username",
    "name",
    "email",
    "email_verified",
    "groups",
    "admin",
    "roles",
    "disabled",
    "password_hash",
)
MAX_BYTES = 10_485_760
MAX_ACCOUNTS = 10_000
MAX_CELL = 1_000
"""In characters."""
MAX_NAME = 200
MAX_GROUPS = 100
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SEPARATOR = ";"
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_ADMIN = "admin"

IsPasswordHash = Callable[[str], bool]


class InvalidAccountFileError(ValueError):
    """The file cannot be imported.

    Attributes:
        problems: one sentence for each problem, with the line it is on.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedAccount:
    """One line of the file. None is an empty cell, or a column that the file does not have: it says nothing.

    Attributes:
        line: the number of the line, from 1.
        email: in lower case.
        email_verified: whether the address is known to be the person's.
    """

    line: int
    username: str
    name: str | None = None
    email: str | None = None
    email_verified: bool = False
    groups: frozenset[str] = field(default_factory=frozenset)
    admin: bool | None = None
    disabled: bool | None = None
    password_hash: str | None = None


def parse_accounts(content: bytes, is_password_hash: IsPasswordHash) -> list[ImportedAccount]:
    """Parse and check a file.

    Raises:
        InvalidAccountFileError: with all problems of all lines.
    """
    problems: list[str] = []
    accounts: list[ImportedAccount] = []
    for line, cells in _records(content):
        try:
            accounts.append(_account(line, cells, is_password_hash))
        except InvalidAccountFileError as error:
            problems.extend(f"line {line}: {problem}" for problem in error.problems)
    problems.extend(_repetitions(accounts))
    if problems:
        raise InvalidAccountFileError(*problems)
    return accounts


def _records(content: bytes) -> list[tuple[int, Mapping[str, str]]]:
    if len(content) > MAX_BYTES:
        raise InvalidAccountFileError(f"the file is larger than {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidAccountFileError(f"line {line}: the file is not UTF-8") from error
    reader = csv.reader(_LINE.findall(text), strict=True)
    try:
        columns = _columns(next(reader, []))
        records: list[tuple[int, Mapping[str, str]]] = []
        for cells in reader:
            if not cells:
                continue  # an empty line
            if len(records) == MAX_ACCOUNTS:
                raise InvalidAccountFileError(f"the file has more than {MAX_ACCOUNTS} accounts")
            records.append((reader.line_num, _cells(reader.line_num, columns, cells)))
    except csv.Error as error:
        raise InvalidAccountFileError(f"line {reader.line_num}: {error}") from error
    return records


def _columns(header: list[str]) -> tuple[str, ...]:
    columns = tuple(cell.strip().lower() for cell in header)
    problems = [
        f"line 1: {column[:MAX_NAME]!r} is not a column; the columns are {', '.join(COLUMNS)}"
        for column in columns
        if column not in COLUMNS
    ]
    if len(set(columns)) < len(columns):
        problems.append("line 1: a column is named twice")
    if "username" not in columns:
        problems.append("line 1: the column username is missing")
    if {"admin", "roles"} <= set(columns):
        problems.append("line 1: only one of the columns admin and roles can be used")
    if "email_verified" in columns and "email" not in columns:
        problems.append("line 1: email_verified needs the column email")
    if problems:
        raise InvalidAccountFileError(*problems[:MAX_GROUPS])
    return columns


def _cells(line: int, columns: tuple[str, ...], cells: list[str]) -> Mapping[str, str]:
    if len(cells) != len(columns):
        raise InvalidAccountFileError(f"line {line}: {len(cells)} cells for {len(columns)} columns")
    for column, cell in zip(columns, cells, strict=True):
        if len(cell) > MAX_CELL or not cell.isprintable():
            raise InvalidAccountFileError(
                f"line {line}: {column} is longer than {MAX_CELL} characters or has control characters"
            )
    return dict(zip(columns, (cell.strip() for cell in cells), strict=True))


def _account(line: int, cells: Mapping[str, str], is_password_hash: IsPasswordHash) -> ImportedAccount:
    read = _Cells(cells)
    account = ImportedAccount(
        line=line,
        username=read.username(),
        name=read.name(),
        email=read.email(),
        email_verified=bool(read.boolean("email_verified")),
        groups=read.groups(),
        admin=read.administrator(),
        disabled=read.boolean("disabled"),
        password_hash=read.password_hash(is_password_hash),
    )
    if read.problems:
        raise InvalidAccountFileError(*read.problems)
    return account


class _Cells:
    """Reads the cells of one line, and collects what is wrong with them."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = cells
        self.problems: list[str] = []

    def username(self) -> str:
        username = self._cells["username"]
        self._check(lambda: canonical(username))
        return username

    def name(self) -> str | None:
        name = self._cells.get("name") or None
        if name and len(name) > MAX_NAME:
            self.problems.append(f"name is longer than {MAX_NAME} characters")
        return name

    def email(self) -> str | None:
        email = self._cells.get("email")
        return self._check(lambda: required(email)) if email else None

    def groups(self) -> frozenset[str]:
        names = [name.strip() for name in self._cells.get("groups", "").split(_SEPARATOR)]
        groups = frozenset(name for name in names if name)
        if ADMINISTRATORS in groups:
            self.problems.append(f"{ADMINISTRATORS} is not a local group; use the column admin")
        if len(groups) > MAX_GROUPS:
            self.problems.append(f"more than {MAX_GROUPS} groups")
        for group in sorted(groups):
            self._check(lambda group=group: group_name(group))  # type: ignore[misc]
        return groups

    def administrator(self) -> bool | None:
        if "roles" not in self._cells:
            return self.boolean("admin")
        roles = {role.strip().lower() for role in self._cells["roles"].split(_SEPARATOR)} - {""}
        self.problems.extend(f"{role!r} is not a role; the only one is {_ADMIN}" for role in roles - {_ADMIN})
        return True if _ADMIN in roles else None

    def boolean(self, column: str) -> bool | None:
        if not self._cells.get(column):
            return None
        value = _BOOLEANS.get(self._cells[column].lower())
        if value is None:
            self.problems.append(f"{column} must be true or false")
        return value

    def password_hash(self, is_password_hash: IsPasswordHash) -> str | None:
        password_hash = self._cells.get("password_hash") or None
        if password_hash and not is_password_hash(password_hash):
            # Never repeated: it may be the password itself.
            self.problems.append("password_hash is not a hash by argon2id or bcrypt of an accepted cost")
        return password_hash

    def _check(self, call: Callable[[], str]) -> str:
        try:
            return call()
        except ValueError as error:
            self.problems.append(str(error))
            return ""


def _repetitions(accounts: list[ImportedAccount]) -> Iterator[str]:
    usernames: dict[str, int] = {}
    emails: dict[str, int] = {}
    for account in accounts:
        first = usernames.setdefault(canonical(account.username), account.line)
        if first != account.line:
            yield f"line {account.line}: {account.username} is on line {first} already"
        if account.email and account.email_verified:
            first = emails.setdefault(account.email, account.line)
            if first != account.line:
                yield f"line {account.line}: {account.email} is on line {first} already"
