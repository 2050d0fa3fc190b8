"""Client authentication (RFC 6749 §2.3) and proof of possession.

- `authentication`         identifies and authenticates the client of a request
- `assertions`             `private_key_jwt` (RFC 7523 §2.2)
- `introspection_callers`  who may use the introspection endpoint (RFC 7662 §2.1)
- `dpop`                   DPoP proofs and nonces (RFC 9449)
"""
