"""The header of a file in the age format: who can decrypt the key of the file."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

_VERSION = b"age-encryption.org/v1\n"
_COLUMNS = 64
_MAX_LINE = 1_024
_MAX_STANZAS = 64


class DamagedFileError(Exception):
    """The file is not in the format, was changed, or cut off."""


@dataclass(frozen=True)
class Stanza:
    """The key of the file, encrypted to one recipient."""

    kind: str
    arguments: tuple[str, ...]
    body: bytes

    @staticmethod
    def text_of(data: bytes) -> str:
        """Encode in base64 without padding."""
        return base64.b64encode(data).decode().rstrip("=")

    @staticmethod
    def bytes_of(text: str) -> bytes:
        """Decode base64 without padding; ValueError if it is not."""
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        if Stanza.text_of(data) != text:
            raise ValueError("it is not canonical base64")
        return data

    def lines(self) -> str:
        """Return the stanza as text. The last line of the body is shorter than a full one."""
        body = self.text_of(self.body)
        lines = [body[start : start + _COLUMNS] for start in range(0, len(body) + 1, _COLUMNS)]
        return "\n".join([" ".join(("->", self.kind, *self.arguments)), *lines, ""])


@dataclass(frozen=True)
class Header:
    """The stanzas of a file."""

    stanzas: tuple[Stanza, ...]

    def signed(self, key: bytes) -> bytes:
        """Return the header with its MAC."""
        text = _VERSION + "".join(stanza.lines() for stanza in self.stanzas).encode() + b"---"
        return text + b" " + Stanza.text_of(hmac.digest(key, text, "sha256")).encode() + b"\n"


class Signed(NamedTuple):
    """The bytes of a header that its MAC covers, and the MAC."""

    text: bytes
    mac: bytes


def read_header(file: BinaryIO) -> tuple[Header, Signed]:
    """Read a header, which is not authenticated yet.

    Raises:
        DamagedFileError: it is not a header of this format.
    """
    try:
        return _read(file)
    except (ValueError, binascii.Error) as error:
        raise DamagedFileError("it is not an encrypted file, or its header is damaged") from error


def _read(file: BinaryIO) -> tuple[Header, Signed]:
    text, stanzas = _line(file), list[Stanza]()
    if text != _VERSION:
        raise ValueError("another format")
    while not (line := _line(file)).startswith(b"--- "):
        if len(stanzas) == _MAX_STANZAS:
            raise ValueError("too many recipients")
        stanza, lines = _stanza(line, file)
        stanzas.append(stanza)
        text += lines
    return Header(tuple(stanzas)), Signed(text + b"---", Stanza.bytes_of(line[4:-1].decode()))


def _stanza(first: bytes, file: BinaryIO) -> tuple[Stanza, bytes]:
    arrow, kind, *arguments = first[:-1].decode("ascii").split(" ")
    if arrow != "->":
        raise ValueError("not a stanza")
    body, lines = b"", first
    while True:
        line = _line(file)
        lines += line
        body += line[:-1]
        if len(line) - 1 < _COLUMNS:
            return Stanza(kind, tuple(arguments), Stanza.bytes_of(body.decode("ascii"))), lines


def _line(file: BinaryIO) -> bytes:
    line = file.readline(_MAX_LINE)
    if not line.endswith(b"\n"):
        raise ValueError("a line has no end")
    return line
