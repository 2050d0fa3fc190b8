"""Redis URLs: one server, Sentinel, or Cluster."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote

Mode = Literal["single", "sentinel", "cluster"]

_SCHEMES: dict[str, Mode] = {
    "redis": "single",
    "rediss": "single",
    "redis+sentinel": "sentinel",
    "redis+cluster": "cluster",
}
_TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_URL = re.compile(r"([^:/]+)://(?:([^/?]*)@)?([^@/?]+)(?:/([^?]*))?(?:\?(.*))?")
_NODE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")


@dataclass(frozen=True, kw_only=True)
class RedisAddress:
    """The address of Redis and the credentials for it.

    Attributes:
        nodes: host and port of the server, of the Sentinels, or of some nodes of the cluster.
        service: the name of the primary at the Sentinels.
        tls_files: paths by redis-py's names: ``ssl_ca_certs``, ``ssl_certfile``, ``ssl_keyfile``.
    """

    mode: Mode
    nodes: tuple[tuple[str, int], ...]
    service: str = ""
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: bool = False
    tls_files: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        nodes = ",".join(f"{host}:{port}" for host, port in self.nodes)
        return f"Redis ({self.mode}) at {nodes}"


def parse_address(url: str) -> RedisAddress:
    """Parse a Redis URL; every part may be percent-encoded.

    - ``redis://[[user]:password@]host[:port][/database]``, or ``rediss://`` for TLS
    - ``redis+sentinel://[[user]:password@]host[:port],host[:port]/service[/database]``
    - ``redis+cluster://[[user]:password@]host[:port],host[:port]``

    Options after ``?``: ``ssl_ca_certs``, ``ssl_certfile``, ``ssl_keyfile`` (paths); for Sentinel and Cluster
    ``tls=true``; for Sentinel ``sentinel_username`` and ``sentinel_password``.

    Raises:
        ValueError: the URL has none of these forms. The message leaves out credentials.
    """
    match = _URL.fullmatch(url)
    if match is None or match[1] not in _SCHEMES:
        raise ValueError("the store URL has an unknown form")
    scheme, credentials, hosts, path, query = match.groups()
    mode = _SCHEMES[scheme]
    service, database = _target(mode, unquote(path or ""))
    username, password = _credentials(credentials or "")
    options = _options(mode, query or "")
    tls = scheme == "rediss" or "tls" in options
    tls_files = tuple((name, options[name]) for name in _TLS_FILES if name in options)
    if tls_files and not tls:
        raise ValueError("certificates require TLS: use rediss:// or tls=true")
    return RedisAddress(
        mode=mode,
        nodes=_nodes(mode, hosts),
        service=service,
        database=database,
        username=username,
        password=password,
        sentinel_username=options.get("sentinel_username"),
        sentinel_password=options.get("sentinel_password"),
        tls=tls,
        tls_files=tls_files,
    )


def _nodes(mode: Mode, hosts: str) -> tuple[tuple[str, int], ...]:
    matches = [_NODE.fullmatch(node) for node in hosts.split(",")]
    if mode == "single" and len(matches) > 1:
        raise ValueError("several hosts require redis+sentinel:// or redis+cluster://")
    default_port = 26379 if mode == "sentinel" else 6379
    return tuple(_node(match, default_port) for match in matches)


def _node(match: re.Match[str] | None, default_port: int) -> tuple[str, int]:
    if match is None:
        raise ValueError("a host in the store URL is not host:port")
    port = int(match[2] or default_port)
    if not 0 < port < 65_536:
        raise ValueError("a port in the store URL is out of range")
    return match[1].strip("[]"), port


def _credentials(text: str) -> tuple[str | None, str | None]:
    username, _, password = text.partition(":")
    return unquote(username) or None, unquote(password) or None


def _target(mode: Mode, path: str) -> tuple[str, int]:
    """Return the Sentinel service and the database that a path names."""
    service, _, database = path.partition("/") if mode == "sentinel" else ("", "", path)
    if mode == "sentinel" and not service:
        raise ValueError("redis+sentinel:// requires the name of the service after the hosts")
    if mode == "cluster" and path:
        raise ValueError("a Redis Cluster has only database 0")
    if database and not (database.isascii() and database.isdigit()):
        raise ValueError("the database in the store URL is not a number")
    return service, int(database or 0)


def _options(mode: Mode, query: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    options = {name: unquote(value) for name, _, value in pairs}
    accepted = {*_TLS_FILES}
    accepted |= set() if mode == "single" else {"tls"}
    accepted |= {"sentinel_username", "sentinel_password"} if mode == "sentinel" else set()
    # An ignored option might be the one that was meant to protect the connection.
    if len(options) < len(pairs) or not options.keys() <= accepted or options.get("tls", "true") != "true":
        raise ValueError(f"this store URL accepts only the options {', '.join(sorted(accepted))}, each once")
    return options


def tls_context(address: RedisAddress) -> ssl.SSLContext:
    """Return the TLS settings of connections to `address`."""
    files = dict(address.tls_files)
    context = ssl.create_default_context(cafile=files.get("ssl_ca_certs"))
    if certificate := files.get("ssl_certfile"):
        context.load_cert_chain(certificate, files.get("ssl_keyfile"))
    return context
