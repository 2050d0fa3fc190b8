"""The rules of the layout, held by reading the source: what may import what, and what stays pure."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.package_order import ORDER
from tests.source_files import ROOT, SHARED, nodes, sources, tree

pytestmark = SHARED

PACKAGES = ("auth_service", "resource_service", "shared")
MAX_LINES = 400
MAX_POSITIONAL = 4
MAX_ATTRIBUTES = 16

# Signatures that a library prescribes.
INHERITED = {"connect_tcp"}

MAP_ENTRY = re.compile(r"^    (\S+(?:\.py|/))  +\S", re.M)
"""A line of the map of a service: a file or folder, and what it is for."""

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

# The one method of an endpoint, a page or a grant type, and what third-party interfaces prescribe.
DOCUMENTED_BY_THEIR_CLASS = {"handle", "redeem", "sign", "verify", "params"}

# What would make a rule depend on when, where or how often it runs.
IMPURE = (
    *("datetime", "random", "secrets", "time", "uuid"),
    *("asyncio", "concurrent", "multiprocessing", "threading"),
    *("http", "io", "logging", "os", "pathlib", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess"),
    *("tempfile", "urllib.request"),
)

ONLY_IN = {
    "httpcore2": ("auth_service/fetching/*.py",),
    "redis": ("shared/storage/redis*.py",),
    "prometheus_client": ("shared/metrics/*.py",),
    "opentelemetry": ("shared/traces/export.py",),
    "jose": ("shared/jose.py",),
    "pyotp": ("auth_service/crypto/totp.py",),
    "webauthn": ("auth_service/crypto/passkeys.py",),
    "segno": ("auth_service/web/qr_code.py",),
    "passlib": ("auth_service/crypto/passwords.py",),
    "mcp": ("resource_service/**/*.py",),
    "fastmcp": ("resource_service/verifiers/fastmcp.py",),
}

# What nothing of ours installs; tests/verifiers runs the module with it.
NEEDS_WHAT_IS_NOT_INSTALLED = {"resource_service.verifiers.fastmcp"}


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module that `path` imports, wherever in the file, by its full name."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module
            yield node.module
            # `from package import module` imports the module, too.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, *packages: str) -> bool:
    """Whether `module` is one of `packages`, or lies in one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def offences(pattern: str, *forbidden: str) -> list[str]:
    """Each import of something forbidden in the files that match."""
    return [
        f"{path} imports {module}"
        for path in sources(pattern)
        for module in imports(path)
        if within(module, *forbidden)
    ]


def test_protocol_imports_only_the_standard_library_shared_and_its_siblings() -> None:
    offenders = [
        f"{path} imports {module}"
        for path in sources("auth_service/protocol/*.py")
        for module in imports(path)
        if not within(module, *sys.stdlib_module_names, "auth_service.protocol", "shared")
        and not (path.name == "registration.py" and within(module, "pydantic"))
    ]
    assert offenders == []


def test_protocol_has_no_clock_no_chance_and_no_input_or_output() -> None:
    assert offences("auth_service/protocol/*.py", *IMPURE, "shared.clock", "shared.logs") == []


@pytest.mark.parametrize("path", ["shared/appearance/colors.py", "shared/appearance/logo_files.py"])
def test_the_rules_of_the_appearance_are_pure(path: str) -> None:
    assert offences(path, *IMPURE) == []


def test_protocol_waits_for_nothing() -> None:
    waiting = ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith
    offenders = [
        f"{path}:{node.lineno}"
        for path in sources("auth_service/protocol/*.py")
        for node in nodes(path)
        if isinstance(node, waiting)
    ]
    assert offenders == []


def test_grants_know_neither_http_nor_the_store_behind_the_interface() -> None:
    assert offences("auth_service/grants/*.py", "fastapi", "starlette", "redis", "sqlite3", "httpx2") == []


@pytest.mark.parametrize("module", ONLY_IN)
def test_a_library_is_imported_in_its_one_place_only(module: str) -> None:
    allowed = {path for pattern in ONLY_IN[module] for path in sources(pattern)}
    users = {path for package in PACKAGES for path in sources(f"{package}/**/*.py") if _uses(path, module)}
    assert users, f"nothing imports {module}: the rule would hold of nothing"
    assert users <= allowed


def _uses(path: Path, module: str) -> bool:
    return any(within(imported, module) for imported in imports(path))


@pytest.mark.parametrize("service", ORDER)
def test_a_package_imports_only_those_below_it(service: str) -> None:
    order = {name: position for position, name in enumerate(ORDER[service])}
    upwards = [
        f"{path} imports {module}"
        for path, own in _members(service)
        for module in imports(path)
        if within(module, service) and module != service
        if order[module.split(".")[1]] > order[own]
    ]
    assert upwards == []


@pytest.mark.parametrize("service", ORDER)
def test_the_order_names_every_package(service: str) -> None:
    assert {own for _, own in _members(service)} == set(ORDER[service])


@pytest.mark.parametrize("service", ORDER)
def test_the_map_of_a_service_is_its_folders_and_files(service: str) -> None:
    docstring = ast.get_docstring(tree(Path(service, "__init__.py")))
    mapped = MAP_ENTRY.findall(docstring or "")
    members = list(_members(service))
    folders = {own for path, own in members if len(path.parts) > 2}
    files = {path.name for path, _ in members if len(path.parts) == 2}
    assert sorted(mapped) == sorted([*files, *(f"{folder}/" for folder in folders)])
    assert [f"{name}/" for name in ORDER[service] if name in folders] == [m for m in mapped if m[-1] == "/"]


def _members(service: str) -> Iterator[tuple[Path, str]]:
    """The source files of a service, each with the package or module of it that it belongs to."""
    for path in sources(f"{service}/**/*.py"):
        if path != Path(service, "__init__.py"):
            yield path, path.parts[1].removesuffix(".py")


def test_the_services_never_import_each_other() -> None:
    assert offences("auth_service/**/*.py", "resource_service", "tests") == []
    assert offences("resource_service/**/*.py", "auth_service", "tests") == []


def test_shared_imports_no_service_but_for_the_command() -> None:
    offenders = offences("shared/**/*.py", "auth_service", "resource_service")
    assert [offence for offence in offenders if not offence.startswith("shared/cli/")] == []


@pytest.mark.parametrize(
    ("service", "other"), [("auth_service", "resource_service"), ("resource_service", "auth_service")]
)
def test_each_service_imports_with_the_other_deleted(tmp_path: Path, service: str, other: str) -> None:
    for package in (service, "shared"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    modules = sorted(
        ".".join(path.relative_to(tmp_path).with_suffix("").parts)
        for path in tmp_path.rglob("*.py")
        if path.name != "__main__.py"
    )
    modules = [module for module in modules if module not in NEEDS_WHAT_IS_NOT_INSTALLED]
    assert f"{service}.main" in modules
    # The path hooks of an editable installation would find the other one where it really is.
    program = f"""
import importlib, sys
sys.path.insert(0, {str(tmp_path)!r})
class Deleted:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {other!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Deleted())
for module in {modules!r}:
    importlib.import_module(module)
assert sys.modules[{service!r}].__file__.startswith({str(tmp_path)!r})
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_command_loads_no_service_before_it_is_asked_to() -> None:
    program = (
        "import sys; from typer.main import get_command; from shared.cli.main import app;"
        "get_command(app).load_all(); sys.exit(any(m.endswith('_service') for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0


def test_no_file_is_too_long_to_be_read_at_a_sitting() -> None:
    lengths = {
        path: len((ROOT / path).read_text().splitlines())
        for package in (*PACKAGES, "tests", "scripts")
        for path in sources(f"{package}/**/*.py")
    }
    assert {str(path): length for path, length in lengths.items() if length > MAX_LINES} == {}


def test_no_call_has_more_than_four_positional_arguments() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for package in PACKAGES
        for path in sources(f"{package}/**/*.py")
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if _positional(node) > MAX_POSITIONAL and not node.decorator_list and node.name not in INHERITED
    ]
    assert long == []


def _positional(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    parameters = [*function.args.posonlyargs, *function.args.args]
    return len([parameter for parameter in parameters if parameter.arg not in ("self", "cls")])


def test_dataclasses_with_more_than_four_fields_take_them_by_keyword() -> None:
    offenders = [
        f"{path}:{node.lineno} {node.name}"
        for package in PACKAGES
        for path in sources(f"{package}/**/*.py")
        for node in nodes(path)
        if isinstance(node, ast.ClassDef) and _fields(node) > MAX_POSITIONAL
        if any("dataclass" in ast.unparse(d) and "kw_only" not in ast.unparse(d) for d in node.decorator_list)
    ]
    assert offenders == []


def _fields(cls: ast.ClassDef) -> int:
    annotated = [node for node in cls.body if isinstance(node, ast.AnnAssign)]
    return len([node for node in annotated if "ClassVar" not in ast.unparse(node.annotation)])


def test_no_object_has_more_attributes_than_a_reader_can_follow() -> None:
    offenders = [
        f"{path}:{node.lineno} {node.name}"
        for package in PACKAGES
        for path in sources(f"{package}/**/*.py")
        for node in nodes(path)
        if isinstance(node, ast.ClassDef) and len(_attributes(node)) > MAX_ATTRIBUTES
    ]
    assert offenders == []


def _attributes(cls: ast.ClassDef) -> set[str]:
    """The attributes that the constructor sets."""
    methods = (node for node in cls.body if isinstance(node, ast.FunctionDef))
    return {
        node.attr
        for method in methods
        if method.name == "__init__"
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_documented(package: str) -> None:
    documented, without = set[str](), list[tuple[str, str]]()
    for path in sources(f"{package}/**/*.py"):
        for node, decorated in _public(tree(path)):
            if ast.get_docstring(node):
                documented.add(node.name)
            elif not decorated:
                without.append((node.name, f"{path}:{node.lineno} {node.name}"))
    # A method of an interface is documented there, once for all who implement it.
    assert [place for name, place in without if name not in documented | DOCUMENTED_BY_THEIR_CLASS] == []


def _public(tree: ast.Module) -> Iterator[tuple[Definition, bool]]:
    """The public classes and functions of a module, and whether a decorator describes them."""
    for node in tree.body:
        if not isinstance(node, Definition) or node.name.startswith("_"):
            continue
        yield node, not isinstance(node, ast.ClassDef) and bool(node.decorator_list)
        if isinstance(node, ast.ClassDef):
            methods = (m for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef))
            yield from ((method, False) for method in methods if not method.name.startswith("_"))


def test_no_template_of_a_service_hides_one_that_the_services_share() -> None:
    shared = {path.name for path in sources("shared/**/templates/*.html")}
    own = (*sources("auth_service/**/*.html"), *sources("resource_service/**/*.html"))
    assert [str(path) for path in own if path.name in shared] == []


def test_what_tests_share_is_in_no_test_module() -> None:
    lenders = re.compile(
        r"^\s*(?:from tests(?:\.\w+)*\.test_\w+ import|from tests[.\w]* import .*\btest_\w+)", re.M
    )
    borrowers = [path for path in sources("tests/**/*.py") if lenders.search((ROOT / path).read_text())]
    assert borrowers == []


DESCRIPTION_HELPERS = {"answer", "error", "form", "text"}


def test_what_a_request_passes_through_describes_nothing() -> None:
    packages = ("authorize", "endpoints", "pages", "pages/console")
    describing = [
        f"{path} imports {module}"
        for package in packages
        for path in sources(f"auth_service/{package}/*.py")
        for module in imports(path)
        if module in {f"auth_service.web.route.{helper}" for helper in DESCRIPTION_HELPERS}
    ]
    assert describing == []


def test_no_service_can_lose_a_cancellation() -> None:
    """`asyncio.wait_for` loses one on Python 3.11, and who suppresses the error loses its own, too."""
    lost = ("asyncio.wait_for(", "suppress(asyncio.CancelledError)")
    losing = [
        f"{path}:{call.lineno}"
        for package in PACKAGES
        for path in sources(f"{package}/**/*.py")
        for call in nodes(path)
        if isinstance(call, ast.Call) and ast.unparse(call).startswith(lost)
    ]
    assert losing == []


@pytest.mark.parametrize(
    ("constructor", "argument"), [("Config", "timeout_keep_alive"), ("AsyncClient", "limits")]
)
def test_every_server_and_client_has_a_time_for_idle_connections(constructor: str, argument: str) -> None:
    """The defaults of uvicorn and httpx are both five seconds, so that either may be the first to close."""
    without = [
        f"{path}:{call.lineno}"
        for package in ("auth_service", "resource_service", "shared")
        for path in sources(f"{package}/**/*.py")
        for call in nodes(path)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == constructor
        and argument not in {keyword.arg for keyword in call.keywords}
    ]
    assert without == []
