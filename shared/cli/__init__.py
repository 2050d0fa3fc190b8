"""The ``doorward`` command: one small file per command; `main` puts them together.

The command starts and configures the services and, except for `doctor`, knows nothing about OAuth. A service
is imported only by the command that needs it, when it runs, so ``doorward`` works in an image with only one
service.
"""

import os

os.environ.setdefault("TYPER_USE_RICH", "false")  # read by typer when it is imported
