"""The result of a collection, for the workers that are forked after it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest


@dataclass
class Collected:
    """The collected tests, and what each worker has to report about them.

    Attributes:
        reports: of what did not pass, such as a module that is skipped.
    """

    session: pytest.Session
    reports: list[pytest.CollectReport] = field(default_factory=list)
