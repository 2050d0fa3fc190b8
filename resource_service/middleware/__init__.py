"""ASGI middleware of the resource server: path prefix, CORS, draining of request bodies, and the guard."""
