"""Add the messages of the pages that a catalogue does not contain, and remove those no longer used.

    .venv/bin/python scripts/messages.py          # update every shared/locale/*.po
    .venv/bin/python scripts/messages.py --check  # report messages without a translation

New messages are added with an empty translation. A new language begins with an empty file,
``shared/locale/TAG.po``.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from jinja2 import DictLoader

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from shared.pages.environment import environment  # noqa: E402
from shared.po_files import read_po  # noqa: E402

LOCALES = ROOT / "shared" / "locale"
PACKAGES = ("auth_service", "resource_service", "shared")
_HEADER = r"""msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"
"""

_TEMPLATES = environment(DictLoader({}))

Message = tuple[str, str | None]


def messages() -> dict[Message, str]:
    """Return every message and its plural, with the file that it comes from."""
    sources: dict[Message, str] = {}
    for path in _sources():
        extract = _of_template if path.suffix == ".html" else _of_module
        for message in extract(path.read_text(encoding="utf-8")):
            sources.setdefault(message, str(path.relative_to(ROOT)))
    plurals = {singular for singular, plural in sources if plural}
    return {message: file for message, file in sources.items() if message[1] or message[0] not in plurals}


def _sources() -> list[Path]:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*")]
    return sorted(path for path in paths if path.suffix in (".html", ".py") and not _is_command(path))


def _is_command(path: Path) -> bool:
    """Whether a file is a part of the command without pages, which speaks English."""
    return "cli" in path.parts and "set_up" not in path.parts


def _of_template(source: str) -> Iterator[Message]:
    # The functions are installed, and the extension is part of every environment of the pages.
    for _, function, texts in _TEMPLATES.extract_translations(source):  # type: ignore[attr-defined]
        both = texts if isinstance(texts, tuple) else (texts,)
        yield str(both[0]), str(both[1]) if function == "ngettext" else None


def _of_module(source: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        constants = [part.value for part in node.args if isinstance(part, ast.Constant)]
        texts = [text for text in constants if isinstance(text, str)]
        if node.func.id in ("Text", "gettext") and texts:
            yield texts[0], None
        elif node.func.id == "plural_text" and len(texts) == 2:
            yield texts[0], texts[1]


def _updated(path: Path) -> str:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    head = text.partition("\n\n")[0].strip() + "\n" if text.strip() else _HEADER
    old = read_po(text).messages if text.strip() else {}
    blocks = [head]
    for (message, plural), source in messages().items():
        forms = old.get(message) or (("", "") if plural else ("",))
        lines = [f"#: {source}", f"msgid {_quoted(message)}"]
        if plural:
            lines.append(f"msgid_plural {_quoted(plural)}")
            lines += [f"msgstr[{number}] {_quoted(form)}" for number, form in enumerate(forms)]
        else:
            lines.append(f"msgstr {_quoted(forms[0])}")
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def main(*, check: bool) -> int:
    """Update the catalogues; with `check`, return 1 if one of them is not up to date."""
    stale = 0
    for path in sorted(LOCALES.glob("*.po")):
        updated = _updated(path)
        untranslated = re.search(r'^msgstr(\[\d\])? ""$', updated.partition("\n\n")[2], re.MULTILINE)
        if check and (untranslated or updated != path.read_text(encoding="utf-8")):
            print(f"{path.relative_to(ROOT)}: run scripts/messages.py and translate the empty entries")
            stale = 1
        elif not check:
            path.write_text(updated, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
