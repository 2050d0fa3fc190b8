"""The processes of a parallel run are forked from one that has collected the tests.

`pytest-xdist` starts each of its workers as a new interpreter, which imports and collects all tests again.
Here one process, the template, does that, and forks a worker wherever `pytest-xdist` starts one. The rest is
as before: a worker runs the code of `pytest-xdist`, and reports to the main process over the same channel.
"""
