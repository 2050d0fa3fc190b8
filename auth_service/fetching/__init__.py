"""Requests that this server makes because somebody named a URL, safe against request forgery (SEC-12).

Owns the whole way from the URL to the bytes that came back: what may be asked for, which address is connected
to, how long it may take, how much is read, what counts as an answer. Leaves what the bytes mean, and how long
they are kept, to the caller. Everything that is fetched because a client said so goes through here: metadata
documents, `jwks_uri`, `request_uri`, back-channel logout.

What is promised, of every request:

- The URL is https, in one plain spelling, on a port of the web (`protocol.web_addresses`).
- The name is resolved here, once. If any of its addresses has a special use (`protocol.special_addresses`),
  nothing is connected to. The connection is made to an address that was checked, and its peer is compared
  with that address before a byte is sent, so that nothing can change in between.
- TLS is verified against the name, which is also what SNI and Host say.
- No redirect is followed, no proxy is taken from the environment, no cookie is kept or sent, no connection is
  used twice, no compressed body is read.
- Body size, total time and the number of requests at once have bounds, for each network and each host, too;
  a name that is slow to resolve keeps a turn of the network that asked for it, and of no other.
- What went wrong is a `FetchError`, whose public reason does not tell what is on this server's network.

``DOORWARD_FETCH_LOOPBACK=true`` lets requests reach this machine, also by http. It is for development, and
settings refuse it where the issuer is not on this machine itself.

`resource_metadata` is the exception: it asks the operator's own resource servers, at addresses from the
settings, which may be internal.
"""

from auth_service.fetching.answer import Fetched
from auth_service.fetching.errors import FetchError
from auth_service.fetching.fetcher import Fetcher, Limits
from auth_service.fetching.single_flight import SingleFlight

__all__ = ["FetchError", "Fetched", "Fetcher", "Limits", "SingleFlight"]
