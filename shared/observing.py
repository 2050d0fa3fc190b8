"""Which requests of a service are observed: by metrics, by lines in the log, by traces."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.types import ASGIApp, Scope

from shared.asgi.endpoint_names import EndpointNames
from shared.asgi.observed import ObservedApp, RequestDone, Tracing
from shared.logs import LogSettings
from shared.metrics.settings import MetricsSettings
from shared.traces.settings import TracesSettings


def writes_request_lines(settings: LogSettings) -> bool:
    """Whether the log has a line for each request."""
    return settings.level in ("debug", "info")


def is_observing() -> bool:
    """Whether the settings in the environment ask for anything that observes requests."""
    return (
        MetricsSettings().port is not None
        or TracesSettings().endpoint is not None
        or writes_request_lines(LogSettings())
    )


def observed(
    app: ASGIApp,
    names: EndpointNames,
    done: Sequence[RequestDone],
    *,
    tracing: Tracing | None,
    address_of: Callable[[Scope], str | None],
) -> ASGIApp:
    """Return `app`, observed as far as the settings in the environment ask for it.

    Args:
        done: measures requests.
        address_of: returns where a request comes from, for the log.
    """
    if writes_request_lines(LogSettings()):
        from shared.request_lines import RequestLines

        done = [*done, RequestLines(address_of).write]
    return ObservedApp(app, names, done, tracing) if done or tracing is not None else app


def tracing_to_collector(service: str, accepts_parent: Callable[[str], bool] | None = None) -> Tracing | None:
    """Return what traces the requests of a service; None if traces are off.

    Args:
        accepts_parent: as in `RequestTraces`; by default, it does everywhere.
    """
    settings = TracesSettings()
    if settings.endpoint is None:
        return None
    # Only here: OpenTelemetry takes a tenth of a second and 10 MB to import.
    from shared.traces.export import exporter_to
    from shared.traces.requests import RequestTraces, parents_everywhere
    from shared.traces.sampling import Sampler

    return RequestTraces(
        exporter_to(settings.endpoint, service),
        Sampler(settings.ratio, settings.per_second),
        accepts_parent or parents_everywhere,
    )


def peer_of(scope: Scope) -> str | None:
    """Return the address at the other end of the connection."""
    client = scope.get("client")
    return client[0] if client else None
