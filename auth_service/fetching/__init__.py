"""Outgoing requests to URLs named by strangers, protected against server-side request forgery (SEC-12).

Owns the whole path from the URL to the response bytes: which URLs are allowed, which address is connected to,
how long a request may take, how much is read, and what counts as a response. The caller decides what the
bytes mean and how long to cache them. Every fetch requested by a client goes through this package: metadata
documents, `jwks_uri`, `request_uri`, back-channel logout.

Guarantees for every request:

- The URL is https, in one canonical spelling, on a port of the web (`protocol.web_addresses`).
- The name is resolved here, once. If any of its addresses has a special use (`protocol.special_addresses`),
  no connection is made. Otherwise the connection goes to a checked address, and its peer is compared with
  that address before a byte is sent, so that nothing can change in between.
- TLS is verified against the name, which is also the name in SNI and Host.
- Redirects are not followed, proxies are not taken from the environment, cookies are neither stored nor sent,
  connections are not reused, and compressed bodies are not read.
- Body size, total time and the number of concurrent requests are bounded, also per network and per host; a
  slow look-up of a name occupies a slot of the network that requested it, and of no other. The last slots
  are for networks that used little, and for hosts that have responded before.
- Failures raise `FetchError`, whose public reason reveals nothing about this server's network.

``DOORWARD_FETCH_LOOPBACK=true`` allows requests to this machine, also over http. It is for development;
settings reject it unless the issuer is on this machine too.

`resource_metadata` is the exception: it queries the operator's own resource servers at addresses from the
settings, which may be internal.
"""

from auth_service.fetching.answer import Fetched
from auth_service.fetching.errors import FetchError
from auth_service.fetching.fetcher import Fetcher, Limits
from auth_service.fetching.single_flight import SingleFlight

__all__ = ["FetchError", "Fetched", "Fetcher", "Limits", "SingleFlight"]
