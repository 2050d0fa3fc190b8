"""`/live` and `/ready` for orchestrators, and `/health`, the same as `/ready`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from auth_service.endpoints.descriptions.health import LIVE, READY
from auth_service.fetching import SingleFlight
from auth_service.web.http import answers_errors, json_response
from auth_service.web.route import Endpoint
from shared.clock import Clock, steady_clock
from shared.storage.interface import Store
from shared.storage.store_watch import StoreWatch

CHECK_EVERY_S = 1.0
"""How long one check of the store answers every probe. A check writes, so it is not made for each."""

_METHODS = ("GET", "HEAD")


class Readiness:
    """Checks that the store answers and accepts writes: one check at a time, at most once a second."""

    def __init__(self, store: Store, steady: Clock = steady_clock) -> None:
        self._store = store
        self._steady = steady
        self._accepted_at = float("-inf")
        self._checks = SingleFlight[None]()

    async def check(self) -> None:
        """Return if the store accepts writes.

        Raises:
            StoreUnavailableError: it does not.
        """
        if self._steady() >= self._accepted_at + CHECK_EVERY_S:
            await self._checks.run("store", self._check)

    async def _check(self) -> None:
        await self._store.ping()
        self._accepted_at = self._steady()


def health_endpoints(store: Store, store_watch: StoreWatch) -> list[Endpoint]:
    """Return the endpoints: `/live` says that this process answers, `/ready` that it can serve.

    Warnings about the store are in the answer of `/ready`, and never the reason for another status.
    """
    readiness = Readiness(store)

    async def live(_: Request) -> Response:
        return json_response({"status": "ok"})

    async def ready(_: Request) -> Response:
        await readiness.check()
        warnings = store_watch.public_complaints
        return json_response({"status": "ok", **({"warnings": warnings} if warnings else {})})

    return [
        Endpoint(path="/live", handler=answers_errors(live), methods=_METHODS, operations={"GET": LIVE}),
        *(
            Endpoint(path=path, handler=answers_errors(ready), methods=_METHODS, operations={"GET": READY})
            for path in ("/ready", "/health")
        ),
    ]
