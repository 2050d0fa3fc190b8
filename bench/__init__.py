"""How fast the hot paths are, as ratios against a bare application on the same server in the same run.

    make bench

An absolute figure says more about the machine than about the code, so there is none without the baseline
beside it. Subjects take turns, round after round, and the median counts: what else the machine does meets
all of them alike.

- `baselines`  the applications that nothing can be faster than, with and without the framework's comforts
- `client_subjects`   what is measured: a server, and the request that it gets
- `load`       requests over open connections, counted, with the processor time that the server took
- `report`     the table
"""
