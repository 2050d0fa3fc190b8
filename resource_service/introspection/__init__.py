"""Is a token good? Asked of the authorization server, or known while its revocations arrive (D6, D7).

`chain` puts it together, for the service and for the verifiers alike. A question passes, outermost first:

- `local_jwt_validator`     decides on a `jwt_access_token` here, unless `revoked_grants` has its grant
- `cache`            gives `kept_answers` again, none of a grant `recently_revoked`; in it is `single_flight`
- `circuit_breaker`  answers "don't know" at once while nobody answers
- `client`           asks (RFC 7662), and takes `signed_answers` (RFC 9701) where they are configured

Beside them the `revocation_feed` (RFC 8936) tells its `listeners` what counts no more: the first two, and the
`leases` of what is still open, which ask again wherever the feed's `coverage` of a token has a gap.
`issuer_keys` are what everything signed is verified with.
"""
