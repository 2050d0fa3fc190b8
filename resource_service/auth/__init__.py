"""Authentication of requests: bearer and DPoP-bound access tokens (RFC 6750, RFC 9449)."""
