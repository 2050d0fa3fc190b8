"""Names of clients that look like the name of another program (ID-9; Unicode Technical Standard 39 §4, §5).

A name is unverified and anybody may claim any. A name is flagged if its spelling makes people confuse it
with another: letters of another alphabet, or `1` for `l`. An exact copy is not flagged; the consent page
says of every name that nobody has verified it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from auth_service.protocol.confusables import ASCII_OF

WELL_KNOWN = (
    *("ChatGPT", "Claude", "Claude Code", "Claude Desktop", "Cline", "Codex", "Copilot", "Cursor"),
    *(
        "Gemini",
        "Gemini CLI",
        "GitHub Copilot",
        "Goose",
        "JetBrains",
        "LibreChat",
        "LM Studio",
        "MCP Inspector",
    ),
    *("Mistral", "Open WebUI", "OpenAI", "Perplexity", "Postman", "Raycast", "Slack", "VS Code"),
    *("Visual Studio Code", "Warp", "Windsurf", "Zapier", "Zed"),
)
"""Programs that connect to MCP servers and that most people know."""

_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
_DIGITS = str.maketrans("01", "ol")


def looks_like(name: str, others: Iterable[str] = WELL_KNOWN) -> str | None:
    """Return the name of another program with which `name` can be confused; None otherwise."""
    own, plain = skeleton(name), _plain(name)
    return next((other for other in others if own == skeleton(other) and plain != _plain(other)), None)


def mixes_scripts(name: str) -> bool:
    """Whether one word of `name` has letters of two alphabets that look alike."""
    return any(len(_scripts(word)) > 1 for word in re.split(r"[\s\-_./]+", name))


def skeleton(name: str) -> str:
    """Return a text that is the same for all names that look the same."""
    letters = [
        character
        for character in unicodedata.normalize("NFKD", name)
        if unicodedata.category(character)[0] != "M"
    ]
    alike = "".join(letters).translate(ASCII_OF).replace("I", "l").replace("|", "l").casefold()
    return re.sub(r"[\W_]+", "", alike.translate(_DIGITS)).replace("rn", "m").replace("vv", "w")


def _plain(name: str) -> str:
    # "claude-code" is spelled differently, but its letters deceive nobody.
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name).casefold())


def _scripts(word: str) -> set[str]:
    names = {unicodedata.name(character, "").partition(" ")[0] for character in word if character.isalpha()}
    return names.intersection(_SCRIPTS)
