"""A lean HTTP/1.1 client for one known server, over httptools (RFC 9112).

It serves the exchanges that every MCP request through the gateway needs: with the upstream, and with the
authorization server, which introspects the token and receives the journal. There, a general client costs
more than all rules together. This one has no cookies, redirects, proxies, content codings or retries.

    request.py   a request, serialized so that it has one meaning
    parser.py    the parser of one response, without input and output
    connection.py  one connection, which carries one exchange at a time
    time_limit.py  one timer for the waits of a connection
    sockets.py   connected sockets
    client.py    the connections to a server, limited in number
    addresses.py   the server of a URL, and the target of a request to it
    errors.py    why there is no response
"""

from shared.http1.addresses import server_of, target_of
from shared.http1.client import Client, Limits, Server, UnixServer
from shared.http1.connection import Connection, Response
from shared.http1.errors import (
    BrokenOffError,
    BusyError,
    ConnectError,
    ExchangeError,
    InvalidRequestError,
    SilentError,
)
from shared.http1.request import Fields, Request

__all__ = [
    "BrokenOffError",
    "BusyError",
    "Client",
    "ConnectError",
    "Connection",
    "ExchangeError",
    "Fields",
    "InvalidRequestError",
    "Limits",
    "Request",
    "Response",
    "Server",
    "SilentError",
    "UnixServer",
    "server_of",
    "target_of",
]
