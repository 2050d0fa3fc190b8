"""A client of another server's token endpoint, and of the endpoints beside it (OAuth 2.1 §3.2, RFC 7009)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from auth_service.fetching.answer import Fetched
from auth_service.fetching.fetcher import Fetcher
from shared.http_exchange import basic_authorization

MAX_TOKEN_RESPONSE_BYTES = 131_072
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
# RFC 6749 §5.2: an error has status 400, or 401 if client authentication failed.
_STATUSES = (200, 400, 401)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClient:
    """The client, and how it sends its secret (RFC 6749 §2.3.1).

    Attributes:
        client_secret: None for a public client.
        basic: whether the secret is sent in the header; otherwise in the body.
        json: whether bodies are JSON; otherwise they are forms.
        headers: additional headers.
    """

    client_id: str
    client_secret: str | None = field(repr=False)
    basic: bool
    json: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    async def post(self, fetcher: Fetcher, url: str, members: Mapping[str, str]) -> Fetched:
        """Send a request as this client.

        Args:
            members: of the body, without those that authenticate the client.

        Raises:
            FetchError: there is no response, or one with another status.
        """
        headers = {"Accept": "application/json", **self.headers}
        content = dict(members)
        if self.client_secret is not None and self.basic:
            headers["Authorization"] = basic_authorization(self.client_id, self.client_secret)
        else:
            content["client_id"] = self.client_id
            if self.client_secret is not None:
                content["client_secret"] = self.client_secret
        return await fetcher.post(
            url,
            (json.dumps(content) if self.json else urlencode(content)).encode(),
            _JSON if self.json else _FORM,
            max_bytes=MAX_TOKEN_RESPONSE_BYTES,
            headers=headers,
            statuses=_STATUSES,
        )
