"""Tokens bound to a key (RFC 9449): `check` each request's proof, its `nonces`, and that it is not among the
`proof_replay_cache`."""
