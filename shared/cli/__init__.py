"""The ``doorward`` command: one small file per command, `main` puts them together.

It starts and feeds the services and, but for `doctor`, knows nothing of OAuth. A service is imported only by
the command that needs it, when that command runs, so that ``doorward`` works in an image that holds one of
them.
"""
