"""The word that a grant has ended, on its way to every resource server (DESIGN D7).

`announcements` puts it on a channel of the store, from whichever process ends the grant. `feed` follows that
channel, once in each process that serves, and remembers the last events in a `ring`; `signing` makes the
tokens in which `endpoints.revocations` hands them out. Leaves to `grants` which change ends a grant.
"""
