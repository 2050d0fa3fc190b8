"""ASGI middleware of the resource server: CORS, draining of request bodies, and the guard."""
