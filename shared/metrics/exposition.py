"""The metrics of a service in the text format of Prometheus, on a port of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from shared.metrics.declarations import Kind, Metric
from shared.metrics.settings import MetricsSettings
from shared.metrics.totals import Series, Totals


class TotalsCollector(Collector):
    """The totals of a service, as prometheus_client reads them."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Family]:
        """Yield all metrics."""
        for metric, series in self._totals.read().items():
            yield _family(metric, series)


def _family(metric: Metric, series: Series) -> Family:
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, values in series.items():
            bounds = [*map(str, metric.buckets), "+Inf"]
            counts = accumulate(values[:-1])
            histogram.add_metric(labels, [*zip(bounds, counts, strict=True)], values[-1])
        return histogram
    of_kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = of_kind(metric.name, metric.help, labels=metric.labels)
    for labels, values in series.items():
        family.add_metric(labels, values[0])
    return family


@contextmanager
def exposed(settings: MetricsSettings, metrics: Iterable[Metric]) -> Iterator[Path | None]:
    """Serve the metrics of the processes that measure into the folder of this context; None if they are off.

    Raises:
        OSError: the port is in use.
    """
    if settings.port is None:
        yield None
        return
    with TemporaryDirectory(prefix="doorward-metrics-") as name:
        folder = Path(name)
        registry = CollectorRegistry()
        registry.register(TotalsCollector(Totals(folder, metrics)))
        server, thread = start_http_server(settings.port, settings.host, registry)
        try:
            yield folder
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
