"""POST /events of the authorization server, to which this service delivers its journal."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from resource_service.authorization_server_client import own_authorization
from resource_service.authorization_server_endpoint import endpoint_at
from resource_service.errors import cannot_ask
from resource_service.reasons import Reason
from resource_service.settings import ResourceSettings
from shared.http1 import Fields
from shared.http_exchange import Answer, NoAnswerError
from shared.journal.delivery import EVENTS_PATH, MEDIA_TYPE


class EventsEndpoint:
    """The endpoint, over a connection of its own: other requests do not wait for a delivery."""

    def __init__(self, settings: ResourceSettings) -> None:
        self._endpoint = endpoint_at(settings, EVENTS_PATH, connections=1)
        self._fields: Fields = [
            (b"authorization", own_authorization(settings).encode("ascii")),
            (b"content-type", MEDIA_TYPE.encode("ascii")),
        ]

    def run(self) -> AbstractAsyncContextManager[object]:
        """Return the context in which the endpoint can be used; enter it once."""
        return self._endpoint.run()

    async def post(self, body: bytes) -> Answer:
        """Send a delivery and return the answer.

        Raises:
            Refusal: there is no answer.
        """
        try:
            return await self._endpoint.post(self._fields, body)
        except NoAnswerError as error:
            raise cannot_ask(Reason.AUTHORIZATION_SERVER_UNREACHABLE, f"{EVENTS_PATH}: {error}") from error
