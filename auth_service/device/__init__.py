"""Device authorization requests in the store (RFC 8628)."""
