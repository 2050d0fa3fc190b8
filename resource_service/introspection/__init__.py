"""Token validation: by asking the authorization server, or locally while its revocations arrive (D6, D7).

`chain` assembles it, for the service and for the verifiers. A query passes these, outermost first:

- `local_jwt_validator`     decides on a `jwt_access_token`, unless `revoked_grants` contains its grant
- `cache`            reuses `kept_answers`, except for `recently_revoked` grants; contains `single_flight`
- `circuit_breaker`  fails immediately while the server is down
- `client`           queries the server (RFC 7662), with `signed_answers` (RFC 9701) if configured

Beside them, the `revocation_feed` (RFC 8936) notifies its `listeners` of revocations: the first two, and the
`leases` of open responses and processes, which are rechecked if the feed's `coverage` of a token has a gap.
`issuer_keys` verify all signatures of the issuer.
"""
