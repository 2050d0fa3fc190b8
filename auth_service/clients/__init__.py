"""Clients: registered (RFC 7591) or described by a metadata document at their `client_id` (CIMD).

- `repository`           the clients in the store
- `client_resolver`      finds a client of either kind
- `metadata_documents`   fetches client ID metadata documents
- `registration_policy`  who may register: initial access tokens, software statements
- `unused_clients`       the quota of clients that were never used
- `keys`                 a client's JWK Set, inline or fetched
- `sectors`              `sector_identifier_uri` (OpenID Connect Registration §5)
"""
