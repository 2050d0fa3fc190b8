"""How long an idle HTTP connection stays open.

The client must be the one that closes it. A request that is sent at the moment at which the server closes is
lost, and cannot be sent again, since it may have been executed (RFC 9112 §9.3.1, §9.5).
"""

CLIENT_S = 3.0
"""For our clients: less than the five seconds after which servers commonly close (uvicorn, Node.js)."""

SERVER_S = 150
"""For our servers: longer than proxies keep a connection to what is behind them. nginx does so for 60 s, the
load balancers of clouds commonly too, Traefik for 90 s, Caddy for 120 s."""
