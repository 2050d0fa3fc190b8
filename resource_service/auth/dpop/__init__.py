"""Key-bound tokens (RFC 9449): `check` validates each request's proof, `nonces` issues nonces, and
`proof_replay_cache` detects replayed proofs."""
