"""Delivery of revocations to every resource server (RFC 8936, DESIGN D7).

`publisher` announces the end of a grant on a channel of the store. `revocation_stream` follows that channel
once in each process and stores the last events in an `event_buffer`; `signing` creates the Security Event
Tokens (RFC 8417) that `endpoints.revocations` delivers. `known_revocations`
remembers them, in case the store does not. `grants` decides which change ends a grant.
"""
