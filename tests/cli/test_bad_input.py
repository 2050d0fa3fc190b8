"""Every command checks its input first: one sentence, exit status 2, and nothing is changed (OP-6)."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.main import get_command

from shared.cli.commands import leaves
from shared.cli.main import app, main
from tests.cli.backup_keys import PUBLIC
from tests.cli.command import doorward

pytestmark = [pytest.mark.long, pytest.mark.requirement("OP-6")]

ISSUER = "https://auth.example"
STORE = {"DOORWARD_STORE": "sqlite:///missing.db"}
AUDIT = {**STORE, "DOORWARD_MASTER_KEYS": f"1:{'A' * 43}"}
# TCPMUX (RFC 1078), which nobody runs. With a free port each worker of a parallel run would name the test
# differently.
UNREACHABLE = {"DOORWARD_STORE": "redis://localhost:1"}
IDENTITY = str(Path(__file__).with_name("identity.txt"))
RESOURCE = {
    "DOORWARD_ISSUER": "http://localhost:9000",
    "DOORWARD_RESOURCE": "http://localhost:9001/mcp",
    "DOORWARD_RESOURCE_SECRET": "x" * 43,
}
AUTH = {
    "DOORWARD_ISSUER": "http://localhost:9000",
    "DOORWARD_MASTER_KEYS": f"1:{'A' * 43}",
    "DOORWARD_STORE": "sqlite:///store.db",
    "DOORWARD_RESOURCE_SERVERS": (
        '[{"id":"resource","secret":"'
        + "x" * 43
        + '","resources":[{"resource":"http://localhost:9001/mcp","name":"MCP"}]}]'
    ),
}

BAD: dict[str, list[tuple[list[str], dict[str, str], str]]] = {
    "trust": [
        ([], {}, "does not exist; start `doorward up --https` first"),
        (["--export", "/no/such/file"], {}, "does not exist"),
    ],
    "up": [
        (
            ["--https", "--issuer", "https://a.example", "--resource", "https://m.example/mcp"],
            {},
            "--https is",
        ),
        (["--issuer", "https://a.example"], {}, "--issuer and --resource go together"),
        (["--auth-port", "0"], {}, "--auth-port"),
        (["--resource-port", "http"], {}, "--resource-port"),
        (["--auth-port", "9300", "--resource-port", "9300"], {}, "both 9300"),
        (["--redis", "localhost"], {}, "--redis must be a URL"),
        (["--redis", UNREACHABLE["DOORWARD_STORE"]], {}, "--redis: the store does not respond"),
        (["--redis", "redis://localhost/first"], {}, "--redis: "),
        (["--data-dir", "/dev/null"], {}, "--data-dir /dev/null"),
        (["--data-dir", "/dev/null/below"], {}, "--data-dir /dev/null/below"),
    ],
    "auth": [
        ([], {}, "DOORWARD_ISSUER: it is not set"),
        (["--port", "70000"], AUTH, "--port"),
        (["--workers", "0"], AUTH, "--workers"),
        (["--grace", "-1"], AUTH, "--grace"),
        (["--host", "203.0.113.9"], AUTH, "--host 203.0.113.9"),
        (["--host", "no.such.host.invalid"], AUTH, "--host no.such.host.invalid"),
        ([], {**AUTH, "DOORWARD_LOG_LEVEL": "loud"}, "DOORWARD_LOG_LEVEL: "),
        ([], {**AUTH, "DOORWARD_WORKERS": "many"}, "DOORWARD_WORKERS"),
        ([], {**AUTH, "DOORWARD_STORE": "redis://localhost/first"}, "DOORWARD_STORE: "),
    ],
    "resource": [
        ([], {}, "DOORWARD_RESOURCE: it is not set"),
        (["--upstream", "ftp://localhost"], RESOURCE, "DOORWARD_UPSTREAM: "),
        (
            ["--upstream", "http://a.example/mcp", "--stdio", "x"],
            RESOURCE,
            "use either --upstream or --stdio",
        ),
        (["--mount", "x"], RESOURCE, "--mount: each mount has the form /PATH=URL"),
        (["--mount", "/x=http://a.example", "--mount", "/x=http://b.example"], RESOURCE, "twice"),
        (["--policy", "missing.yaml"], RESOURCE, "missing.yaml"),
        (["--host", "203.0.113.9"], RESOURCE, "--host 203.0.113.9"),
    ],
    "config check": [
        (["auth"], {}, "DOORWARD_ISSUER: it is not set"),
        (["nobody"], {}, "nobody"),
        (["resource"], {**RESOURCE, "DOORWARD_UPSTREAM": "stdio:no-such-command"}, "no-such-command"),
        (["auth"], {**AUTH, "DOORWARD_STORE": "redis://localhost/first"}, "DOORWARD_STORE: "),
        (["auth"], {**AUTH, "DOORWARD_MASTER_KEYS_FILE": "keys"}, "DOORWARD_MASTER_KEYS is set as well"),
        (["auth"], {"DOORWARD_STORE_FILE": "missing"}, "DOORWARD_STORE_FILE: missing: No such file"),
    ],
    "upgrade check": [
        ([], STORE, "DOORWARD_STORE: the database missing.db does not exist"),
        (["--policy", "/dev/null/policy.yaml"], UNREACHABLE, "the store does not respond"),
    ],
    "upgrade confirm": [(["--yes"], STORE, "DOORWARD_STORE: the database missing.db does not exist")],
    "config show": [
        (["auth"], {**AUTH, "DOORWARD_MASTER_KEY_FILE": "keys"}, "did you mean DOORWARD_MASTER_KEYS_FILE?"),
        (["resource"], {**RESOURCE, "DOORWARD_RESOURCE_SECRET": "short"}, "DOORWARD_RESOURCE_SECRET: "),
    ],
    "init": [
        (["--issuer", f"{ISSUER}/"], {}, "must not end with a slash"),
        (["--issuer", "http://auth.example"], {}, "must be https"),
        (["--issuer", "auth.example"], {}, "--issuer auth.example: "),
        (["--resource", "https://a.example/mcp?x=1"], {}, "--resource https://a.example/mcp?x=1: "),
        (["--issuer", f"{ISSUER}/mcp", "--resource", f"{ISSUER}/mcp"], {}, "are the same URL"),
        (["--file", "missing/.env"], {}, "there is no directory missing"),
        (["--secrets-in", "/dev/null/below"], {}, "--secrets-in /dev/null/below: "),
        (["--upstream", "ftp://a.example"], {}, "--upstream ftp://a.example"),
        (["--name", "Mine"], {}, "--name requires --upstream or --join"),
        (["--join"], {}, "--join joins the mounts: name them with --mount"),
        (["--join", "--mount", "/a=http://a", "--upstream", "http://b"], {}, "leave --upstream out"),
        (["--mount", "http://a"], {}, "--mount: each mount has the form /PATH=URL"),
        (["--mount", "/a/b=http://a"], {}, "--mount: the path of a mount must be"),
        (["--mount", "/a=ftp://a"], {}, "--mount /a: the upstream is http://"),
        (["--mount", "/a=http://a", "--mount", "/a=http://b"], {}, "--mount: '/a' is there twice"),
        (["--mount", "/a=http://a", "--mount", "/A=http://b", "--join"], {}, "they differ only in case"),
        (["--mount", "/openid=http://a", "--join"], {}, "its name is reserved"),
        (["--mount", "/a=stdio:sh -c 'x'"], {}, "--mount: the files that are written cannot have a single"),
        (["--upstream", "stdio:sh -c 'x'"], {}, "--upstream: the files that are written cannot"),
        (["--mount", "/a=http://a", "--secrets-in", "x"], {}, "DOORWARD_RESOURCE_SERVERS_FILE"),
        (["--upstream", "http://a/", "--name", "it's"], {}, "--name must be"),
    ],
    "health": [
        (["localhost"], {}, "is not an http or https URL"),
        (["http://[::/"], {}, "is not an http or https URL"),
        (["http://localhost", "--timeout", "0"], {}, "--timeout"),
    ],
    "doctor": [
        (["localhost"], {}, "is not an http or https URL"),
        (["http://localhost", "--profile", "nobody"], {}, "--profile"),
        (["http://localhost", "--timeout", "0"], {}, "--timeout"),
        (["http://localhost", "--redirect-port", "-1"], {}, "--redirect-port"),
        (["http://localhost", "--ca-file", "missing.pem"], {}, "--ca-file"),
        (["http://localhost", "--tool", "x"], {}, "require --login"),
        (["http://localhost", "--login", "--username", "x"], {}, "go together"),
    ],
    "why": [
        ([""], {}, "the request id is empty"),
        (["x", "missing.log"], {}, "there is no file missing.log"),
        (["x", "/"], {}, "/ is not a file"),
    ],
    "users add": [
        ([" "], STORE, ""),
        (["ada"], STORE, "the database"),
        (["ada"], UNREACHABLE, "a password has 8"),
    ],
    "users list": [([], STORE, "the database missing.db"), ([], {}, "DOORWARD_STORE is not set")],
    "users disable": [(["ada"], STORE, "the database")],
    "users enable": [(["ada"], STORE, "the database")],
    "users delete": [(["ada", "--yes"], STORE, "the database")],
    "users import": [
        (["missing.csv"], STORE, "missing.csv cannot be read"),
        (["/dev/null"], STORE, "the database missing.db"),
    ],
    "users email": [(["ada", "ada@corp.example"], STORE, "the database")],
    "users confirm-email": [(["ada", "ada@corp.example"], STORE, "the database")],
    "users promote": [(["ada"], STORE, "the database")],
    "users demote": [(["ada"], STORE, "the database")],
    "users identities": [(["ada"], STORE, "the database")],
    "users disconnect": [(["ada", "x", "--yes"], STORE, "the database")],
    "users reset-factors": [(["ada", "--yes"], STORE, "the database")],
    "users rename": [(["ada", "eve"], STORE, "the database"), (["ada", "e ve"], STORE, "")],
    "users reset": [(["ada"], STORE, "the database"), (["ada", "--hours", "169"], STORE, "--hours")],
    "users invite": [(["ada"], STORE, "the database"), (["ada", "--hours", "0"], STORE, "--hours")],
    "users passwd": [(["ada"], STORE, "the database")],
    "access show": [([], STORE, "the database")],
    "access set": [
        (["missing.yaml"], STORE, "missing.yaml cannot be read"),
        (["/"], STORE, "/ cannot be read"),
        (["-"], STORE, "the file is empty; nothing was changed"),
    ],
    "access edit": [([], STORE, "the database")],
    "access check": [
        (["ada", "notes"], STORE, "notes: a URI must have a scheme"),
        (["ada", "https://notes.example/mcp"], STORE, "the database"),
    ],
    "export": [([], STORE, "the database")],
    "apply": [
        ([], STORE, "the file is missing"),
        (["missing.yaml"], STORE, "missing.yaml cannot be read"),
        (["/"], STORE, "/ cannot be read"),
        (["/dev/null"], STORE, "the file is empty; nothing was changed"),
        (["/dev/zero"], STORE, "/dev/zero is larger than"),
    ],
    "backup": [
        (["/dev/null"], STORE, "/dev/null exists already"),
        (["x.age"], STORE, "name the key of the backup"),
        (["x.age", "--recipient", "age1x"], STORE, "--recipient: not a public key"),
        (["x.age", "--recipient", PUBLIC], UNREACHABLE, "the store does not respond"),
        (["missing/x.age", "--recipient", PUBLIC], STORE, "missing/x.age cannot be written"),
        (["x.age", "--recipients-file", "missing"], STORE, "--recipients-file: missing cannot be read"),
        (["x.age", "--recipients-file", "/dev/null"], STORE, "--recipients-file: not a public key"),
    ],
    "restore": [
        (["missing.age"], STORE, "there is no file missing.age"),
        ([__file__], STORE, "name the key of the backup"),
        ([__file__, "--identity", "missing/key"], STORE, "--identity: missing/key cannot be read"),
        ([__file__, "--identity", "/dev/null"], STORE, "does not contain a private key"),
        ([__file__, "--identity", IDENTITY], {}, "DOORWARD_STORE is not set"),
        ([__file__, "--identity", IDENTITY], UNREACHABLE, "the store does not respond"),
    ],
    "move": [
        (["sqlite:///missing.db", "sqlite:///missing.db"], {}, "are the same store"),
        (["sqlite:///missing.db", "sqlite:///new.db"], {}, "FROM: the database missing.db does not exist"),
        (["env:MISSING", "sqlite:///new.db"], {}, "FROM: the store URL has an unknown form"),
        (["redis://localhost:1", "sqlite:///new.db"], {}, "FROM: the store does not respond"),
    ],
    "groups list": [([], STORE, "the database")],
    "groups add": [
        (["two words", "ada"], STORE, "is not a valid group name"),
        (["administrators", "ada"], STORE, "doorward users promote"),
        (["ops", "ada@"], STORE, "is not a person"),
        (["ops", "ada"], STORE, "the database"),
    ],
    "groups remove": [(["ops", "ada@"], STORE, "is not a person"), (["ops", "ada"], STORE, "the database")],
    "stop": [
        (["planet", "x"], STORE, "planet"),
        (["tool", ""], STORE, "the name must not be empty"),
        (["tool", " x"], STORE, "must not begin or end with a space"),
        (["mount", "mcp"], STORE, "is not the URL of a resource"),
        (["tool", "x", "--resource", "mcp"], STORE, "is not the URL of a resource"),
        (["client", "x", "--resource", "https://a.example/mcp"], STORE, "only a tool"),
        (["tool", "x", "--reason", "a" * 201], STORE, "the reason must be one line"),
        (["tool", "x"], STORE, "the database"),
        (["person", "ada"], STORE, "the database"),
    ],
    "resume": [(["tool", ""], STORE, "the name must not be empty"), (["tool", "x"], STORE, "the database")],
    "stops": [([], STORE, "the database")],
    "clients add": [
        (["x", "--grant", "nope"], STORE, "--grant nope: not one of authorization_code"),
        (["x", "--grant", "authorization_code", "--redirect-uri", "x"], STORE, "redirect_uris"),
        (["x", "--grant", "authorization_code"], STORE, "redirect_uris"),
        (["x", "--grant", "authorization_code", "--redirect-uri", "ms-officecmd:x"], STORE, "ms-officecmd"),
        (
            ["x", "--grant", "authorization_code", "--redirect-uri", r"https://a.example\@b.example/"],
            STORE,
            "plain",
        ),
        (["x"], STORE, "the database"),
    ],
    "clients list": [
        ([], STORE, "the database"),
        ([], {"DOORWARD_STORE": "mysql://x"}, "DOORWARD_STORE: "),
        ([], {"DOORWARD_STORE": "sqlite:///"}, "DOORWARD_STORE: "),
        ([], {"DOORWARD_STORE": "redis://localhost/first"}, "DOORWARD_STORE: "),
        ([], UNREACHABLE, "does not respond"),
    ],
    "clients remove": [(["x", "--yes"], STORE, "the database")],
    "clients disable": [(["x"], STORE, "the database")],
    "clients enable": [(["x"], STORE, "the database")],
    "clients rotate": [(["x"], STORE, "the database")],
    "clients invite": [
        (["--uses", "0"], STORE, "--uses"),
        (["--hours", "99999999999"], STORE, "--hours"),
        ([], STORE, "the database"),
    ],
    "audit tail": [
        (["--lines", "0"], AUDIT, "--lines"),
        ([], STORE, "DOORWARD_MASTER_KEYS is not set"),
        ([], AUDIT, "the database"),
    ],
    "audit search": [
        (["--since", "yesterday"], AUDIT, "--since yesterday: not a date or time"),
        (["--user", "x"], AUDIT, "the database"),
    ],
    "audit export": [(["--until", "2026-13-01"], AUDIT, "--until 2026-13-01"), ([], AUDIT, "the database")],
    "audit verify": [([], AUDIT, "the database")],
    "audit show": [
        (["x"], AUDIT, "the id x: not the place of an event"),
        (["1-1-x"], AUDIT, "the database"),
    ],
    "keys list": [
        ([], STORE, "DOORWARD_MASTER_KEYS: it is not set"),
        ([], {**STORE, "DOORWARD_MASTER_KEYS": "1:short"}, "DOORWARD_MASTER_KEYS: "),
        ([], {**STORE, "DOORWARD_MASTER_KEYS": f"1:{'A' * 43}"}, "the database"),
    ],
    "keys rotate": [([], {**STORE, "DOORWARD_MASTER_KEYS": f"1:{'A' * 43}"}, "the database")],
    "keys backup": [
        (["missing/key"], {}, "missing/key cannot be written"),
        (["/"], {}, "/ exists already"),
        (["key", "--passphrase-file", "missing/x"], {}, "--passphrase-file: missing/x cannot be read"),
        (["key", "--passphrase-file", "x"], {}, "keep the passphrase in another directory"),
        (["key", "--passphrase-file", "/dev/null"], {}, "at least 16 characters"),
        (["key", "--passphrase"], {}, "use --passphrase-file"),
    ],
    "policy check": [(["missing.yaml"], {}, "missing.yaml: "), (["/"], {}, "/: ")],
    "tools diff": [(["missing.yaml"], {}, "missing.yaml: ")],
    "tools approve": [(["missing.yaml", "--all"], {}, "missing.yaml: ")],
    "policy replay": [
        (["missing.yaml"], {}, "missing.yaml: "),
    ],
    "policy test": [(["missing.yaml"], {}, "missing.yaml: ")],
    "policy scopes": [(["missing.yaml"], {}, "missing.yaml: ")],
    "policy draft": [
        ([], {}, "either the URL of the MCP server"),
        (["localhost"], {}, ""),
        (["--stdio", "no-such-command"], {}, "no-such-command"),
        (["http://localhost/mcp", "-o", "missing/policy.yaml"], {}, "there is no directory missing"),
    ],
}
"""By command: arguments, settings, and what the sentence says."""

WELL_FORMED = {
    "config check": ["auth"],
    "config show": ["auth"],
    "doctor": ["http://localhost:1"],
    "health": ["http://localhost:1"],
    "why": ["x"],
    "audit show": ["1-1-x"],
    **{
        f"users {verb}": ["ada"]
        for verb in (
            "add",
            "disable",
            "enable",
            "promote",
            "demote",
            "passwd",
            "email",
            "identities",
            "reset",
            "invite",
        )
    },
    "access set": ["access.yaml"],
    "apply": ["doorward.yaml"],
    "backup": ["doorward.age"],
    "restore": ["doorward.age"],
    "move": ["sqlite:///a.db", "sqlite:///b.db"],
    "keys backup": ["key"],
    "access check": ["ada", "https://notes.example/mcp"],
    **{verb: ["tool", "x"] for verb in ("stop", "resume")},
    **{f"groups {verb}": ["ops", "ada"] for verb in ("add", "remove")},
    "users disconnect": ["ada", "x", "--yes"],
    "users delete": ["ada", "--yes"],
    "users reset-factors": ["ada", "--yes"],
    "users confirm-email": ["ada", "ada@corp.example"],
    "users import": ["people.csv"],
    "users rename": ["ada", "eve"],
    **{f"clients {verb}": ["x"] for verb in ("add", "disable", "enable", "rotate")},
    "clients remove": ["x", "--yes"],
    **{f"policy {verb}": ["policy.yaml"] for verb in ("check", "test", "replay", "scopes", "draft")},
    **{f"tools {verb}": ["policy.yaml"] for verb in ("diff", "approve")},
}
"""Arguments of commands that need some."""

COMMANDS = {" ".join(path): command for path, command in leaves(get_command(app))}
CASES = [
    pytest.param(
        command, arguments, settings, says, id=f"{command} {' '.join(arguments)} {'+'.join(settings)}"[:80]
    )
    for command, cases in BAD.items()
    for arguments, settings, says in cases
]


def test_the_table_has_every_command() -> None:
    assert BAD.keys() == COMMANDS.keys()


@pytest.mark.parametrize(("command", "arguments", "settings", "says"), CASES)
def test_bad_input_ends_a_command_with_one_sentence_and_status_2(
    tmp_path: Path, command: str, arguments: list[str], settings: dict[str, str], says: str
) -> None:
    done = doorward(*command.split(), *arguments, cwd=tmp_path, **settings)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    [line, *more] = done.stderr.splitlines()
    assert line.startswith("doorward")
    # More lines only where several settings are missing at once, one line each.
    assert not more or line.endswith("settings are invalid:")
    assert says in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"]


@pytest.mark.requirement("OP-2")
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_a_variable_that_nothing_reads_and_names_the_nearest(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOORWARD_REGISTRATON", "closed")
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), *WELL_FORMED.get(command, [])])
    assert ended.value.code == 2
    error_output = capsys.readouterr().err
    assert (
        "DOORWARD_REGISTRATON: there is no such setting; did you mean DOORWARD_REGISTRATION?" in error_output
    )
    assert {path.name for path in tmp_path.iterdir()} <= {".doorward"}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_one_sentence(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--no-such-option"])
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "--no-such-option" in line
