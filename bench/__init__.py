"""Benchmark the hot paths, as ratios to a bare application on the same server in the same run.

    make bench

An absolute figure says more about the machine than about the code, so every figure is shown with the
baseline. Subjects take turns, round after round, and the median counts, so that other load on the machine
affects all of them equally.

- `baselines`   the servers with which operations are compared: reading one key, and the framework's features
- `subjects`    the measured servers; `pinning` gives each a core of its own
- `operations`  the requests to the authorization server
- `load`        sends requests over open connections by `traffic`, and counts them, their duration and the
                server's processor time
- `report`      the table, `RESULTS.md` and its picture
"""
