"""`doorward audit`: the journal is read, exported and verified, and reading it is an event (JR-5)."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from auth_service.crypto.keyring import KeyRing
from auth_service.crypto.passwords import Passwords
from auth_service.journal.keys import signing_key
from auth_service.journal.reader import JournalReader
from auth_service.journal.received import ReceivedChains
from auth_service.journal.writer import JournalWriter
from auth_service.settings import KeySettings
from auth_service.storage import keys
from auth_service.users.repository import UserRepository
from shared.cli.operator import operator
from shared.clock import system_clock
from shared.journal.chain import Chain
from shared.journal.delivery import Delivery
from shared.journal.event import Event, EventKind
from shared.storage import Store
from shared.storage.interface import START, Position
from tests.auth_service.service import MASTER_KEY
from tests.cli.command import doorward

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-5", "JR-3", "JR-6")]

KEYS = f"1:{MASTER_KEY}"


class Audit:
    """`doorward audit` on a store with a few events, and what is in it."""

    def __init__(self, store: Store, url: str, directory: Path) -> None:
        self.store = store
        self._url = url
        self._directory = directory
        key_ring = KeyRing(KeySettings(master_keys=KEYS).master_keys)  # type: ignore[arg-type]
        self.journal = JournalWriter(store, signing_key(key_ring), system_clock)

    async def fill(self) -> None:
        user = await UserRepository(self.store, Passwords(), system_clock).add("alice", "seven moss harbours")
        await self.journal.record(EventKind.LOGIN, subject=user.subject, methods=["pwd"])
        await self.journal.record(EventKind.LOGIN, subject="deleted", methods=["pwd", "otp"])
        await self.journal.record(EventKind.TOKENS_ISSUED, client="c1", grant="g1", scopes=["a", "b"])
        await self.journal.checkpoint()

    def __call__(self, *arguments: str) -> CompletedProcess[str]:
        return self.command("audit", *arguments)

    def command(self, *arguments: str) -> CompletedProcess[str]:
        settings = {"DOORWARD_STORE": self._url, "DOORWARD_MASTER_KEYS": KEYS}
        return doorward(*arguments, cwd=self._directory, **settings)

    def events(self, *arguments: str) -> list[dict[str, object]]:
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
async def audit(store: Store, store_url: str, tmp_path: Path) -> Audit:
    audit = Audit(store, store_url, tmp_path)
    await audit.fill()
    return audit


async def test_a_call_is_printed_with_its_outcome_client_and_grant(audit: Audit) -> None:
    received = ReceivedChains(audit.store, audit.journal, system_clock)
    chain = Chain("resource.a-process-of-22-letters.0")
    about = {"client": "c1", "grant": "g1", "method": "tools/call", "rule": "default"}
    events = (
        (EventKind.CALL_BEGUN, {**about, "call": 1, "name": "list"}),
        (EventKind.CALL_BEGUN, {**about, "call": 2, "name": "delete"}),
        (EventKind.CALL_COMPLETED, {"call": 2, "result": "ok", "duration_ms": 5}),
        (EventKind.CALL_UNKNOWN, {"call": 1}),
        (EventKind.CALL_BEGUN, {**about, "call": 3, "name": "delete"}),
        (EventKind.CALL_REFUSED, {**about, "name": "delete", "reason_code": "scope_missing"}),
        (EventKind.DEFINITIONS_PINNED, {"definition": "tools", "count": 2, "resource": "https://m"}),
        (EventKind.DEFINITION_HELD, {"name": "mail", "difference": "new", "resource": "https://m"}),
        (EventKind.DEFINITION_APPROVED, {"name": "mail", "resource": "https://m"}),
    )
    lines = [chain.append(Event(kind=kind, time_ms=1_000, members=members)) for kind, members in events]
    await received.add(Delivery(chain.head.writer, (b"\n".join(lines),)))
    called = audit.events("search", "--tool", "delete", "--client", "c1", "--json")
    assert [(event["kind"], event.get("result"), event["grant"]) for event in called] == [
        ("call", "ok", "g1"),
        ("call", "not ended", "g1"),
        ("call.refused", None, "g1"),
    ]
    unknown = audit.events("search", "--tool", "list", "--kind", "call", "--json")
    assert [event["result"] for event in unknown] == ["unknown"]
    kinds = [event["kind"] for event in audit.events("search", "--grant", "g1", "--json")]
    assert kinds == ["call", "call", "call", "call.refused", "tokens.issued"]
    begun = audit.events("search", "--kind", "call.begun", "--json")
    assert [event["name"] for event in begun] == ["list", "delete", "delete"]
    (held,) = audit.events("search", "--tool", "mail", "--outcome", "failed", "--json")
    assert (held["kind"], held["difference"]) == ("definition.held", "new")
    of_pins = audit.events("search", "--resource", "https://m", "--json")
    assert [str(event["kind"]) for event in of_pins] == [each[0] for each in events[-3:]]
    line = audit("search", "--tool", "list").stdout
    assert "\tcall\t-\tc1\tcall=1 grant=g1 method=tools/call name=list result=unknown rule=default" in line
    assert audit("verify").returncode == 0


async def test_events_are_printed_with_the_names_of_people_who_exist(audit: Audit) -> None:
    lines = [line.split("\t") for line in audit("tail").stdout.splitlines()]
    assert [line[1:] for line in lines] == [
        ["login", "alice", "-", "methods=pwd"],
        ["login", "deleted", "-", "methods=pwd,otp"],
        ["tokens.issued", "-", "c1", "grant=g1 scopes=a,b"],
        ["journal.read", "-", "-", f"operator={operator()} via=command"],
    ]
    assert len(audit("tail", "-n", "2").stdout.splitlines()) == 2


async def test_a_command_that_changes_something_is_an_event_with_its_operator(audit: Audit) -> None:
    assert audit.command("users", "disable", "alice").returncode == 0
    (event,) = audit.events("search", "--kind", "administration", "--json")
    alice = await UserRepository(audit.store, Passwords(), system_clock).named("alice")
    assert (event["action"], event["operator"], event["via"]) == ("users disable", operator(), "command")
    assert event["about"] == {"user_subject": alice.subject}
    assert "alice" not in json.dumps(event)
    story = audit.events("show", str(event["id"]), "--json")
    assert [each["id"] for each in story] == [event["id"]]
    assert audit("show", "1-2-nothing").returncode != 0
    assert audit("verify").returncode == 0


async def test_a_search_continues_where_it_ended(audit: Audit) -> None:
    first = audit("search", "--limit", "2", "--kind", "login", "--json")
    assert len(first.stdout.splitlines()) == 2
    newest = audit("search", "--limit", "1", "--kind", "login", "--json")
    place = newest.stderr.strip().removeprefix("Older events: --after ")
    (older,) = audit.events("search", "--limit", "1", "--kind", "login", "--after", place, "--json")
    assert older == json.loads(first.stdout.splitlines()[0])


async def test_a_search_finds_what_meets_every_condition(audit: Audit) -> None:
    (login,) = audit.events("search", "--user", "alice", "--kind", "login", "--json")
    assert login["methods"] == ["pwd"]
    assert audit.events("search", "--client", "c1", "--grant", "other", "--json") == []
    assert audit.events("search", "--kind", "login", "--until", "2020-01-01", "--json") == []
    assert len(audit.events("search", "--kind", "login", "--since", "2020-01-01T00:00Z", "--json")) == 2


async def test_an_export_has_the_form_that_is_chosen(audit: Audit) -> None:
    classes = sorted(str(event["type_uid"]) for event in audit.events("export", "--format", "ocsf"))
    assert classes[:2] == ["300201", "300201"]
    assert all("resourceLogs" in line for line in audit.events("export", "--format", "otlp"))


async def test_an_export_contains_every_event_and_itself(audit: Audit) -> None:
    kinds = [str(event["kind"]) for event in audit.events("export")]
    assert sorted(kinds) == ["journal.read", "login", "login", "tokens.issued"]


async def test_an_untouched_journal_is_complete_and_an_edited_one_is_not(audit: Audit) -> None:
    done = audit("verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The journal is complete: 5 events in 1 chains, 0 not signed yet" in done.stdout.replace("\n", " ")
    log = keys.journal(audit.journal.writer)
    ((position, first), *rest) = await audit.store.log_read(log, after=START, limit=9)
    await audit.store.log_trim(log, before=Position(2**60, 0))
    for place, lines in [(position, first.replace(b"pwd", b"otp")), *rest]:
        await audit.store.log_append(log, place, lines)
    done = audit("verify")
    assert done.returncode == 1
    assert f"chain {audit.journal.writer}, entry 3: the entry before this one was changed" in done.stdout
    assert await JournalReader(audit.store).writers() == [audit.journal.writer]


async def test_entries_that_somebody_made_up_neither_stop_the_commands_nor_control_a_terminal(
    audit: Audit,
) -> None:
    log, hostile = keys.journal(audit.journal.writer), "\x1b]0;title\x07\x9b2J\ud800\t\n"
    entry = {"sequence": 9, "previous": "", "kind": hostile, "client": [hostile], "network": hostile}
    made_up = [
        entry | {"time_ms": 2**70, "subject": hostile},
        entry | {"time_ms": 2**70, "subject": [hostile]},
        entry | {"time_ms": 0, "kind": "journal.checkpoint", "key": [], "signature": 1},
    ]
    lines = "\n".join(json.dumps(each) for each in made_up).encode()
    await audit.store.log_append(log, Position(2**50, 0), lines)
    await audit.store.index_add(keys.journal_chains(), "\x1b[2J", ttl_s=None)
    await audit.store.log_append(keys.journal("\x1b[2J"), Position(1, 0), b"{}")
    for arguments in (("tail",), ("tail", "--json"), ("export", "--format", "ocsf"), ("verify",)):
        done = audit(*arguments)
        assert done.returncode == (1 if arguments == ("verify",) else 0), done.stderr
        assert "Traceback" not in done.stderr
        assert all(c.isprintable() or c in "\t\n" for c in done.stdout + done.stderr)
    assert len(audit("tail").stdout.splitlines()) == 3 + 4 + 2
