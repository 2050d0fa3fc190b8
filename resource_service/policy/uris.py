"""URIs as servers interpret them: by RFC 3986, the WHATWG URL standard, urllib, or a file system. Pure.

All functions take time proportional to the URI, which a client chose.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

MAX_CHARACTERS = 8_192
_ROUNDS = 3
"""How often a URI is decoded: more often than any chain of servers does."""

_DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21", "file": None}
"""The special schemes of the URL standard (§4.2), for which it tolerates almost any error."""

_MAX_HOST = 253

# RFC 3986 §2, §3.1: a scheme, then unreserved, reserved and percent-encoded characters only
_REGULAR = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*\Z")
_EXPRESSION = re.compile(r"\{[^{}]*\}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.*-]*):")
_PORT = re.compile(r":([0-9]*)\Z")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]*\Z|[0-9]+\Z")

# URL §4.4: these are removed everywhere, and C0 controls and spaces at both ends
_REMOVED = str.maketrans("", "", "\t\n\r")
_CONTROLS = "".join(map(chr, range(0x21)))


def is_regular(uri: str) -> bool:
    """Check whether `uri` is valid by RFC 3986, and the URL standard does not have to repair it."""
    if not _REGULAR.match(uri):
        return False
    scheme, _, rest = uri.partition(":")
    if scheme.lower() not in _DEFAULT_PORTS:
        return True
    slashes = len(rest) - len(rest.lstrip("/"))
    return slashes == 2 or (slashes == 3 and scheme.lower() == "file")


def is_regular_template(template: str) -> bool:
    """Check whether `template` expands to regular URIs; its expressions expand to regular characters."""
    return is_regular(_EXPRESSION.sub("x", template))


def readings(uri: str) -> Iterator[str]:
    """Yield `uri` as written, then as a server may interpret it.

    That is without percent-encoding, white space, ``.`` and ``..`` segments and a default port, with slashes
    for backslashes, and with scheme and host in lower case (RFC 3986 §6.2.2, §6.2.3):
    ``file:///notes/%2e%2e/keys`` is ``file:///keys``. A server's own scheme may have no host: all of
    ``notes://mine/../yours`` may be the path. A URI that is encoded too many times ends in the empty name,
    which no rule contains.
    """
    seen: set[str] = set()
    for _ in range(_ROUNDS):
        for reading in _readings(uri):
            if reading not in seen:
                seen.add(reading)
                yield reading
        decoded = unquote(uri)
        if decoded == uri:
            return
        uri = decoded
    yield ""


def shorter(uri: str) -> Iterator[str]:
    """Yield `uri` with successively fewer optional parts: fragment, query, user, port, last slash."""
    for cut in (_fragment, _query, _user, _port, _slash):
        without = cut(uri)
        if without != uri:
            uri = without
            yield uri


def _readings(uri: str) -> Iterator[str]:
    yield uri
    for text in dict.fromkeys((uri, uri.translate(_REMOVED).strip(_CONTROLS), uri.strip(), _to_nul(uri))):
        yield text
        yield from _plain(text)
        yield from _by_url_standard(text)


def _to_nul(uri: str) -> str:
    return uri.partition("\0")[0]


def _plain(uri: str) -> Iterator[str]:
    scheme, colon, rest = uri.replace("\\", "/").partition(":")
    if not colon:
        return
    beginning = f"{scheme.lower()}:"
    if not rest.startswith("//"):
        yield f"{beginning}{_without_dots(rest)}"
        return
    host, slash, path = rest.removeprefix("//").partition("/")
    yield f"{beginning}//{host.lower()}{slash}{_without_dots(path).lstrip('/')}"
    if host:
        yield f"{beginning}//{_without_dots(f'{host}{slash}{path}')}"


def _by_url_standard(uri: str) -> Iterator[str]:
    match = _SCHEME.match(uri)
    if match is None:
        return
    scheme, rest = match[1].lower(), uri[match.end() :]
    end = min((place for place in map(rest.find, "?#") if place >= 0), default=len(rest))
    head, tail = rest[:end], rest[end:]
    special = scheme in _DEFAULT_PORTS
    if special:
        head = _with_two_slashes(scheme, head.replace("\\", "/"))
    if not head.startswith("//"):
        if head.startswith("/"):
            yield f"{scheme}:{_without_dot_segments(head)}{tail}"
        return
    authority, slash, path = head[2:].partition("/")
    path = _without_dot_segments(f"/{path}") if slash or special else ""
    for host in dict.fromkeys((authority, authority.lower())):
        yield f"{scheme}://{_authority(scheme, host)}{path}{tail}"


def _with_two_slashes(scheme: str, head: str) -> str:
    """URL §4.4: any number of slashes may precede a host; a file URL has a host only after exactly two."""
    if scheme != "file":
        return f"//{head.lstrip('/')}"
    if head.startswith("//"):
        return head
    return f"//{head}" if head.startswith("/") else f"///{head}"


def _authority(scheme: str, authority: str) -> str:
    user, at, host = authority.rpartition("@")
    if not user.strip(":"):
        user = at = ""
    port_text = ""
    if port := _PORT.search(host):
        host, number = host[: port.start()], port[1] and (port[1].lstrip("0") or "0")
        port_text = f":{number}" if number and number != _DEFAULT_PORTS.get(scheme) else ""
    if scheme in _DEFAULT_PORTS:
        host = _host(host)
    if scheme == "file" and host == "localhost":
        host = ""
    return f"{user}{at}{host}{port_text}"


def _host(host: str) -> str:
    """Normalize a host by URL §3.5: decoded, folded, in ASCII, and any form of number as IPv4 address."""
    if len(host) > _MAX_HOST:
        return host
    folded = unicodedata.normalize("NFKC", unquote(host)).casefold().replace("\u3002", ".")
    folded = "".join(character for character in folded if unicodedata.category(character) != "Cf")
    if not folded.isascii():
        try:
            folded = folded.encode("idna").decode()
        except UnicodeError:
            return folded
    return _ipv4(folded) or folded


def _ipv4(host: str) -> str | None:
    parts = host.removesuffix(".").split(".")
    if len(parts) > 4 or not all(map(_NUMBER.match, parts)):
        return None
    try:
        *first, last = (_number(part) for part in parts)
    except ValueError:
        return None
    if any(number > 255 for number in first) or last >= 256 ** (5 - len(parts)):
        return None
    whole = last + sum(number * 256 ** (3 - place) for place, number in enumerate(first))
    return ".".join(str(whole >> shift & 255) for shift in (24, 16, 8, 0))


def _number(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if part.startswith("0") else 10)


def _without_dots(path: str) -> str:
    """Resolve `path` as a file system does; a slash at its beginning or end stays."""
    segments = path.split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    start = "/" if path.startswith("/") else ""
    end = "/" if kept and segments[-1] in ("", ".", "..") else ""
    return f"{start}{'/'.join(kept)}{end}"


def _without_dot_segments(path: str) -> str:
    """Resolve `path`, which begins with a slash, by RFC 3986 §5.2.4, where empty segments count."""
    kept: list[str] = []
    segments = [_dotted(segment) for segment in path[1:].split("/")]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    end = "/" if kept and segments[-1] in (".", "..") else ""
    return f"/{'/'.join(kept)}{end}"


def _dotted(segment: str) -> str:
    plain = segment.lower().replace("%2e", ".") if len(segment) <= len("%2e%2e") else segment
    return plain if plain in (".", "..") else segment


def _fragment(uri: str) -> str:
    return uri.partition("#")[0]


def _query(uri: str) -> str:
    return uri.partition("?")[0]


def _user(uri: str) -> str:
    scheme, slashes, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def _port(uri: str) -> str:
    scheme, slashes, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{_PORT.sub('', host)}{slash}{path}" if slashes else uri


def _slash(uri: str) -> str:
    return uri if uri.endswith("//") else uri.removesuffix("/")
