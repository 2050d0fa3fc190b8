"""Benchmark the hot paths, as ratios to a bare application on the same server in the same run.

    make bench

An absolute figure says more about the machine than about the code, so every figure is shown with the
baseline. Subjects take turns, round after round, and the median counts, so that other load on the machine
affects all of them equally.

- `baselines`  the fastest possible applications, with and without the framework's conveniences
- `subjects`   the measured servers and their requests
- `load`       sends requests over open connections, and counts them and the server's processor time
- `report`     the table
"""
