"""Wrong answers to `tools/call` over HTTP, byte for byte, for an upstream that a test tells what to say."""

from __future__ import annotations

import asyncio
import gzip
import socket
from dataclasses import dataclass

from tests.resource_service.authorization_server import Question

RESULT = b'{"jsonrpc":"2.0","id":7,"result":{"content":[]}}'
JSON = "Content-Type: application/json"
EVENTS = "Content-Type: text/event-stream"
CHUNKED = "Transfer-Encoding: chunked"
LARGE = 1_500_000
MOST = 4_000_000
"""The limit of the gateway in front: `DOORWARD_UPSTREAM_MAX_MESSAGE_BYTES`."""


@dataclass(frozen=True)
class Odd:
    """The bytes that are sent instead of a response.

    Attributes:
        reason: a pattern that the log's reason matches.
        stays: the connection is left open, and nothing more is said.
        status: of the answer to the client; None where the error is a JSON-RPC one.
    """

    body: bytes
    reason: str
    stays: bool = False
    status: int | None = None

    async def __call__(self, _question: Question, writer: asyncio.StreamWriter) -> None:
        if not self.stays:
            _hold_back_the_end(writer)
        writer.write(self.body)
        await writer.drain()
        if self.stays:
            await asyncio.Event().wait()
        writer.close()


def _hold_back_the_end(writer: asyncio.StreamWriter) -> None:
    """Let the last bytes leave together with the end of the connection, where the system can do that.

    Between the two, a client may send another request on the connection, which is then lost. A real server
    announces that it will close the connection, or keeps it.
    """
    if hasattr(socket, "TCP_CORK"):
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)


def head(*headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


def whole(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A body with its length."""
    return head(*(headers or (JSON,)), f"Content-Length: {len(body)}", status=status) + body


def until_end(body: bytes, *headers: str) -> bytes:
    """A body that ends with its connection, as of HTTP/1.0."""
    return head(*(headers or (JSON,)), "Connection: close") + body


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


def events(*data: bytes) -> bytes:
    """A stream that is not ended."""
    return head(EVENTS, CHUNKED) + b"".join(chunk(b"data: %b\n\n" % each) for each in data)


def large(length: int) -> bytes:
    """An answer that is not parsed, `length` bytes of it."""
    return (b'{"jsonrpc":"2.0","id":7,"result":{"content":"%b"}}' % (b"x" * length))[:length]


def answer_with(members: bytes) -> bytes:
    return whole(b'{"jsonrpc":"2.0",%b}' % members)


BROKEN = (
    r"the server closed the connection before the end|the response cannot be parsed|the header or trailer"
)
SILENT = r"the server sends nothing for 1 s"
NOT_JSON = r"not JSON in UTF-8"
NO_ANSWER = r"not a JSON-RPC 2.0 response"
OTHER_ID = r"id does not match a request"
OTHER_TYPE = r"neither JSON nor a stream"
ENDED = r"ended the stream before"
SAYS = r"the MCP server says"

ODD: dict[str, Odd] = {
    # no head
    "an end": Odd(b"", BROKEN),
    "silence": Odd(b"", SILENT, stays=True),
    "no HTTP": Odd(b"\x00\x01 not HTTP\r\n\r\n", BROKEN),
    "a banner": Odd(b"SSH-2.0-OpenSSH_9.6\r\n", BROKEN),
    "an alert of TLS": Odd(b"\x15\x03\x01\x00\x02\x02\x16", BROKEN),
    "a body alone": Odd(RESULT + b"\r\n", BROKEN),
    "half a status line": Odd(b"HTTP/1.1 20", BROKEN),
    "a status that is none": Odd(b"HTTP/1.1 abc OK\r\n\r\n", BROKEN),
    "HTTP of the future": Odd(b"HTTP/9.9 200 OK\r\n\r\n", BROKEN),
    "half a head": Odd(b"HTTP/1.1 200 OK\r\nContent-Ty", BROKEN),
    "half a head, silence": Odd(b"HTTP/1.1 200 OK\r\nContent-Ty", SILENT, stays=True),
    "a line without a colon": Odd(head("nonsense", JSON) + RESULT, BROKEN),
    "a NUL in a header": Odd(head("X: \0", JSON) + RESULT, BROKEN),
    "a head without end": Odd(head("X: " + "x" * 300_000), BROKEN),
    "two lengths": Odd(head(JSON, "Content-Length: 5", "Content-Length: 6"), BROKEN),
    "a length below zero": Odd(head(JSON, "Content-Length: -1"), BROKEN),
    "another transfer coding": Odd(head(JSON, "Transfer-Encoding: gzip") + RESULT, BROKEN),
    "only 100": Odd(head(status="100 Continue"), BROKEN),
    # a head without a body
    "length zero": Odd(whole(b""), "it is empty"),
    "blanks": Odd(whole(b" \r\n"), "it is empty"),
    "a length and an end": Odd(head(JSON, "Content-Length: 100"), BROKEN),
    "a length and silence": Odd(head(JSON, "Content-Length: 100"), SILENT, stays=True),
    "chunks and an end": Odd(head(JSON, CHUNKED), BROKEN),
    "chunks and silence": Odd(head(JSON, CHUNKED), SILENT, stays=True),
    "no length and an end": Odd(until_end(b""), "it is empty"),
    "202": Odd(whole(b"", status="202 Accepted"), "its status is 202"),
    "202 with an answer": Odd(whole(RESULT, status="202 Accepted"), "its status is 202"),
    "204": Odd(head(status="204 No Content"), OTHER_TYPE),
    "205": Odd(head("Content-Length: 0", status="205 Reset Content"), OTHER_TYPE),
    # another type
    "no type": Odd(whole(RESULT, "X: y"), OTHER_TYPE),
    "a page": Odd(whole(b"<html>It works!</html>", "Content-Type: text/html"), OTHER_TYPE),
    "plain text": Odd(whole(RESULT, "Content-Type: text/plain"), OTHER_TYPE),
    "XML": Odd(whole(b"<a/>", "Content-Type: application/xml; charset=utf-8"), OTHER_TYPE),
    "a type of nonsense": Odd(whole(RESULT, "Content-Type: ;;=,"), OTHER_TYPE),
    # what is not JSON
    "half a body": Odd(whole(RESULT[:20]), NOT_JSON),
    "half of its length": Odd(head(JSON, "Content-Length: 49") + RESULT[:20], BROKEN),
    "half of its length, silence": Odd(head(JSON, "Content-Length: 49") + RESULT[:20], SILENT, stays=True),
    "half until the end": Odd(until_end(RESULT[:20]), NOT_JSON),
    "a chunk that breaks off": Odd(head(JSON, CHUNKED) + b"40\r\n" + RESULT[:20], BROKEN),
    "chunks without an end": Odd(head(JSON, CHUNKED) + chunk(RESULT), BROKEN),
    "chunks without an end, silence": Odd(head(JSON, CHUNKED) + chunk(RESULT), SILENT, stays=True),
    "a chunk of no size": Odd(head(JSON, CHUNKED) + b"zz\r\n" + RESULT, BROKEN),
    "invalid UTF-8": Odd(whole(RESULT.replace(b"content", b"\xff\xfe")), NOT_JSON),
    "UTF-16": Odd(whole(RESULT.decode().encode("utf-16")), NOT_JSON),
    "NaN": Odd(answer_with(b'"id":7,"result":{"a":NaN}'), NOT_JSON),
    "infinity": Odd(answer_with(b'"id":7,"result":{"a":-Infinity}'), NOT_JSON),
    "a comma too many": Odd(answer_with(b'"id":7,"result":{},'), NOT_JSON),
    "single quotes": Odd(whole(RESULT.replace(b'"', b"'")), NOT_JSON),
    "text behind it": Odd(whole(RESULT + b" done"), NOT_JSON),
    "two answers": Odd(whole(RESULT + RESULT), NOT_JSON),
    "too deep": Odd(whole(b"[" * 100_000), NOT_JSON),
    "a control character": Odd(whole(RESULT.replace(b"content", b"con\x01tent")), NOT_JSON),
    "half compressed": Odd(
        head(JSON, "Content-Encoding: gzip", "Content-Length: 99") + gzip.compress(RESULT)[:20], BROKEN
    ),
    # what is too large to be parsed
    "large, half of its length": Odd(head(JSON, "Content-Length: 9000000") + large(LARGE), BROKEN),
    "large, its length and silence": Odd(
        head(JSON, "Content-Length: 3000000") + large(LARGE), SILENT, stays=True
    ),
    "large, a chunk that breaks off": Odd(head(JSON, CHUNKED) + b"fffffff\r\n" + large(LARGE), BROKEN),
    "large, chunks without an end": Odd(head(JSON, CHUNKED) + chunk(large(LARGE)), BROKEN),
    "large, half until the end": Odd(until_end(large(LARGE)), NOT_JSON),
    "large, a page": Odd(whole(b"<html>" * 500_000, "Content-Type: text/html"), OTHER_TYPE),
    "larger than may be": Odd(whole(large(MOST + 1)), "DOORWARD_UPSTREAM_MAX_MESSAGE_BYTES"),
    "larger than may be, without an end": Odd(
        head(JSON, CHUNKED) + chunk(large(MOST)) * 2, "DOORWARD_UPSTREAM_MAX_MESSAGE_BYTES", stays=True
    ),
    # JSON that is not an answer, or not to this call
    "text": Odd(whole(b'"done"'), NO_ANSWER),
    "null": Odd(whole(b"null"), NO_ANSWER),
    "nothing": Odd(whole(b"{}"), NO_ANSWER),
    "a list of nothing": Odd(whole(b"[]"), NO_ANSWER),
    "no version": Odd(whole(b'{"id":7,"result":{}}'), NO_ANSWER),
    "no id": Odd(answer_with(b'"result":{}'), NO_ANSWER),
    "no outcome": Odd(answer_with(b'"id":7'), NO_ANSWER),
    "two outcomes": Odd(answer_with(b'"id":7,"result":{},"error":{"code":1,"message":""}'), NO_ANSWER),
    "a result that is not an object": Odd(answer_with(b'"id":7,"result":null'), NO_ANSWER),
    "an error that is text": Odd(answer_with(b'"id":7,"error":"failed"'), NO_ANSWER),
    "a notification": Odd(answer_with(b'"method":"notifications/message"'), NO_ANSWER),
    "a request": Odd(answer_with(b'"id":7,"method":"ping"'), NO_ANSWER),
    "id of nobody": Odd(answer_with(b'"id":8,"result":{}'), OTHER_ID),
    "id as text": Odd(answer_with(b'"id":"7","result":{}'), OTHER_ID),
    "id null": Odd(answer_with(b'"id":null,"error":{"code":-32700,"message":""}'), OTHER_ID),
    "id true": Odd(answer_with(b'"id":true,"result":{}'), OTHER_ID),
    # how it is addressed
    "a redirect elsewhere": Odd(head("Location: http://elsewhere.example/", status="302 Found"), "elsewhere"),
    "a redirect by GET": Odd(head("Location: /mcp/", "Content-Length: 0", status="303 See"), "answers 303"),
    "a redirect to nowhere": Odd(head("Content-Length: 0", status="301 Moved"), "answers 301"),
    "304": Odd(head(status="304 Not Modified"), "answers 304"),
    "300": Odd(head("Content-Length: 0", status="300 Choose"), "answers 300"),
    "another host": Odd(whole(b"Invalid Host header", status="421 Misdirected"), "refuses the Host"),
    "another host, 400": Odd(whole(b"Invalid host header", status="400 Bad"), "refuses the Host"),
    "credentials": Odd(whole(b"", status="401 Unauthorized"), "rejects the credentials of the gateway"),
    "credentials of a proxy": Odd(whole(b"", status="407 Proxy"), "rejects the credentials of the gateway"),
    "101": Odd(head("Upgrade: websocket", "Connection: upgrade", status="101 Switching"), BROKEN),
    "600": Odd(head("Content-Length: 0", status="600 Odd"), "answers 600"),
    # its own refusals
    "404": Odd(whole(b"<html>not here", "Content-Type: text/html", status="404 Not Found"), SAYS, status=404),
    "400 of JSON-RPC": Odd(
        whole(b'{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"no"}}', status="400 Bad"),
        SAYS,
        status=400,
    ),
    "500 without a body": Odd(whole(b"", status="500 Error"), SAYS, status=500),
    "503 of a proxy": Odd(whole(b"<html>", "Content-Type: text/html", status="503 Busy"), SAYS, status=503),
    "500 that breaks off": Odd(head(JSON, "Content-Length: 99", status="500 Error") + b"{", BROKEN),
    "500, silence": Odd(head(JSON, "Content-Length: 99", status="500 Error"), SILENT, stays=True),
    # streams
    "a stream of nothing": Odd(events() + b"0\r\n\r\n", ENDED),
    "a stream that is cut": Odd(events(), ENDED),
    "a silent stream": Odd(events(), ENDED, stays=True),
    "a stream with a length": Odd(head(EVENTS, "Content-Length: 999") + b": hello\n\n", ENDED),
    "a stream until the end": Odd(until_end(b": hello\n\n", EVENTS), ENDED),
    "comments": Odd(head(EVENTS, CHUNKED) + chunk(b": hello\n\n") + b"0\r\n\r\n", ENDED),
    "a notification and an end": Odd(events(b'{"jsonrpc":"2.0","method":"notifications/a"}'), ENDED),
    "within an event": Odd(head(EVENTS, CHUNKED) + chunk(b"data: " + RESULT[:20]), ENDED),
    "within an event, silence": Odd(head(EVENTS, CHUNKED) + chunk(b"data: " + RESULT), ENDED, stays=True),
    "an event of text": Odd(events(b"hello"), ENDED),
    "half an event": Odd(events(RESULT[:30]), "malformed event", stays=True),
    "an event of NaN": Odd(
        events(b'{"jsonrpc":"2.0","id":7,"result":{"a":NaN}}'), "malformed event", stays=True
    ),
    "an event in single quotes": Odd(
        events(b"{\"jsonrpc\":\"2.0\",\"id\":7,'result':{}}"), "malformed event", stays=True
    ),
    "an event to nobody": Odd(events(RESULT.replace(b"7", b"8")), "response with an id", stays=True),
    "an event to text": Odd(events(RESULT.replace(b"7", b'"7"')), "response with an id", stays=True),
    "an event with id null": Odd(events(RESULT.replace(b"7", b"null")), "response with an id", stays=True),
}  # fmt: skip

RIGHT: dict[str, bytes] = {
    "JSON": whole(RESULT),
    "JSON until the end": until_end(RESULT),
    "a byte order mark": whole(b"\xef\xbb\xbf" + RESULT),
    "blanks around it": whole(b"\r\n " + RESULT + b"\n"),
    "upper case": whole(RESULT, "CONTENT-TYPE: Application/JSON; Charset=UTF-8"),
    "a list of one": whole(b"[" + RESULT + b"]"),
    "an error": whole(b'{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}'),
    "large": whole(b'{"jsonrpc":"2.0","id":7,"result":{"content":"%b"}}' % (b"x" * 3_000_000)),
    "as large as may be": whole(large(MOST - 3) + b'"}}'),
    "bytes one by one": head(JSON, CHUNKED)
    + b"".join(chunk(bytes([byte])) for byte in RESULT)
    + b"0\r\n\r\n",
    "a 103 before it": head(status="103 Early Hints") + whole(RESULT),
    "an event": events(RESULT),
    "an event after others": events(b"", b'{"jsonrpc":"2.0","method":"notifications/a"}', b"hello", RESULT),
}
"""Responses that are unusual but valid."""
