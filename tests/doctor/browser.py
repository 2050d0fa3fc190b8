"""Stands in for a person's browser: ``BROWSER="python browser.py %s"`` is what `webbrowser` starts."""

from __future__ import annotations

import sys

import httpx2

from tests.flow import Person


class Visitor(Person):
    """Logs in, allows, and goes where the answer leads."""

    def visit(self, url: str) -> None:
        response = self.open(url)
        while response.status_code == httpx2.codes.OK:
            response = self._answer(response, "allow", ())
        self.browser.get(response.headers["location"]).raise_for_status()


if __name__ == "__main__":
    Visitor(trust_env=False).visit(sys.argv[1])
