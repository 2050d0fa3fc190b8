"""Traces of requests through both services (W3C Trace Context), sent to an OpenTelemetry collector.

    settings.py     where they are sent; off by default
    traceparent.py  the header by which a trace goes on in another process
    current.py      the span that the current code runs in
    sampling.py     which requests are recorded
    requests.py     begins and ends the span of a request
    calls.py        spans of calls to a store or another server
    export.py       converts and sends spans

Only export.py imports OpenTelemetry, and nothing imports it while traces are off. A span of ours is a few
numbers until its request has ended: a request that is not recorded costs about a microsecond, and one whose
trace is stored in the pending authorization can still join that trace.

Spans contain routes, statuses, reason codes and request ids: no tokens, codes, secrets, arguments, names of
people or tools, and no addresses.
"""
