"""Measurements of a service, for Prometheus.

    settings.py      where they can be read; off by default
    declarations.py  what a metric is; each service declares all of its own in its module `metrics`
    measurements.py  the values of one process, in memory that outlives it
    totals.py        the values of all processes of a service, living and dead
    requests.py      measures requests, around an application
    sampler.py       reads states that nobody announces
    exposition.py    the text format, and its port
    reference.py     the table in docs/reference/metrics.md

Only this package imports prometheus_client. Each process adds to its own values, in a file mapped into
memory: no lock, and no system call. The process that started the workers adds them up when they are read.
"""
