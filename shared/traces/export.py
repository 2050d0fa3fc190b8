"""Converts spans to those of OpenTelemetry, and sends them in the background.

`DOORWARD_TRACES_ENDPOINT` says where to; the exporter of OpenTelemetry reads everything else from its own
variables, such as `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_RESOURCE_ATTRIBUTES`.
"""

from __future__ import annotations

from collections.abc import Iterator

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from shared.traces.current import Span, Trace
from shared.version import VERSION

MAX_WAITING = 2_048
"""Spans that wait to be sent; further ones are dropped."""

TIMEOUT_S = 5.0

_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT}
_FAILED, _UNSET = Status(StatusCode.ERROR), Status(StatusCode.UNSET)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SCOPE = InstrumentationScope("doorward", VERSION)


class Exporter:
    """A `SpanSink` that sends to a collector.

    Args:
        service: its name in the traces.
    """

    def __init__(self, service: str, exporter: SpanExporter) -> None:
        self._resource = Resource.create({"service.name": service, "service.version": VERSION})
        self._processor = BatchSpanProcessor(exporter, max_queue_size=MAX_WAITING)

    def send(self, trace: Trace) -> None:
        """Send the spans soon."""
        for span in self._converted(trace):
            self._processor.on_end(span)

    def close(self) -> None:
        """Send what is left."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]

    def _converted(self, trace: Trace) -> Iterator[ReadableSpan]:
        for span in (*trace.spans, trace):
            yield ReadableSpan(
                name=span.name,
                context=_context(trace.trace_id, span.span_id),
                parent=_parent_of(span, trace),
                resource=self._resource,
                attributes=span.attributes,
                kind=_KINDS[span.kind],
                status=_FAILED if span.failed else _UNSET,
                start_time=span.started_ns,
                end_time=span.ended_ns,
                instrumentation_scope=_SCOPE,
            )


def exporter_to(endpoint: str, service: str) -> Exporter:
    """Return an exporter to the collector at a URL."""
    return Exporter(service, OTLPSpanExporter(endpoint=endpoint, timeout=TIMEOUT_S))


def _parent_of(span: Span, trace: Trace) -> SpanContext | None:
    if span.parent is not None:
        return _context(trace.trace_id, span.parent.span_id)
    return None if trace.remote is None else _context(trace.trace_id, trace.remote.span_id, is_remote=True)


def _context(trace_id: str, span_id: str, *, is_remote: bool = False) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=is_remote, trace_flags=_SAMPLED)
