"""The parser of one response (RFC 9112 §6.3). Pure: bytes in, a head and chunks of the body out."""

from __future__ import annotations

import httptools

from shared.http1.errors import BrokenOffError
from shared.http1.request import Fields

MAX_FIELDS_BYTES = 65_536
_CLOSED_EARLY = "the server closed the connection before the end of the response"
_WITHOUT_BODY = frozenset({204, 304})


class ResponseParser:
    """Parses the response to one request; informational responses before it are skipped (RFC 9110 §15.2).

    Attributes:
        status: the status code, once `has_head`.
        fields: the header fields, with names in lower case; trailers are ignored (RFC 9110 §6.5.1).
        is_complete: whether the whole response has arrived.
        keeps_alive: whether the connection can carry another exchange afterwards.
        buffered: how many bytes `take` would return.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._fields_bytes = 0
        self._ends_with_connection = self._has_unknown_coding = self._is_faulty_framing = False
        self.buffered = 0
        self.status = 0
        self.fields: Fields = []
        self.has_head = self.is_complete = self.keeps_alive = False

    def feed(self, data: bytes) -> None:
        """Parse more bytes.

        Raises:
            BrokenOffError: they are not HTTP, or the header or trailer is too large.
        """
        if self.is_complete:
            self.keeps_alive = False  # a second response, which nobody asked for
            return
        before = self.buffered
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise BrokenOffError("the response cannot be parsed: it switches to another protocol") from error
        except httptools.HttpParserError as error:
            raise BrokenOffError(f"the response cannot be parsed: {error}") from error
        if self._has_unknown_coding:
            raise BrokenOffError("the response cannot be parsed: its transfer coding is unknown")
        if self._is_released():
            return
        # The head, chunk extensions and trailers: everything but the body.
        self._fields_bytes = 0 if self.buffered > before else self._fields_bytes + len(data)
        if self._fields_bytes > MAX_FIELDS_BYTES:
            raise BrokenOffError(f"the header or trailer of the response exceeds {MAX_FIELDS_BYTES} bytes")

    def feed_eof(self, *, is_whole: bool = True) -> None:
        """Note that the server has closed the connection, which ends a response without a length.

        Args:
            is_whole: whether the server said that it had nothing more to send.

        Raises:
            BrokenOffError: the response is not complete.
        """
        if self.is_complete:
            return
        if not self._ends_with_connection or not is_whole:
            raise BrokenOffError(_CLOSED_EARLY)
        self.is_complete = True

    def take(self) -> bytes:
        """Return the bytes of the body that have arrived, and forget them."""
        chunks, self.buffered = self._chunks, 0
        if not chunks:
            return b""
        self._chunks = []
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    # Called by httptools:

    def on_message_begin(self) -> None:
        """Note a second response, which nobody asked for."""
        if self.is_complete:
            self.keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field."""
        if not self.has_head:
            self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Keep the head of the final response."""
        status = self._parser.get_status_code()
        if status < 200:
            self.fields = []
        elif not self.has_head:
            self.status, self.has_head = status, True
            self._ends_with_connection = not self._has_length()

    def on_body(self, chunk: bytes) -> None:
        """Keep a part of the body."""
        if not self.is_complete:
            self._chunks.append(chunk)
            self.buffered += len(chunk)

    def on_message_complete(self) -> None:
        """Note the end of the response."""
        if self.has_head and not self.is_complete:
            self.is_complete = True
            self.keeps_alive = self._parser.should_keep_alive() and not self._is_faulty_framing

    def _is_released(self) -> bool:
        """Forget the parser once the response is complete, and return whether it is.

        It refers to this object: in a cycle, both would wait for the garbage collector.
        """
        if self.is_complete:
            del self._parser
        return self.is_complete

    def _has_length(self) -> bool:
        """Note how the end of the body is found (RFC 9112 §6.3)."""
        codings = [value.strip().lower() for name, value in self.fields if name == b"transfer-encoding"]
        # RFC 9112 §6.1: HTTP/1.0 has no transfer codings, so where the response ends is a guess.
        self._is_faulty_framing = bool(codings) and self._parser.get_http_version() == "1.0"
        # RFC 9112 §7: without `TE`, a server may use no coding but this one.
        self._has_unknown_coding = codings not in ([], [b"chunked"])
        has_length = any(name == b"content-length" for name, _ in self.fields)
        return bool(codings) or has_length or self.status in _WITHOUT_BODY
