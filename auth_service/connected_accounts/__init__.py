"""Accounts that people have connected at the providers of upstreams (GW-1, GW-2, DESIGN D18).

    records.py         the documents in the store, without their tokens
    credentials.py     tokens, sealed for one subject and resource; leases
    links.py           links for connecting an account, for one subject, resource and client
    attempts.py        browsers at a provider
    token_requests.py  requests to a provider
    discovery.py       reads the metadata of an upstream, and registers at its authorization server
    discovered_records.py  what was discovered, sealed
    discovered_providers.py  providers behind the settings, discovered once for all processes
    ended_tokens.py    tokens that their provider must still revoke
    provider_revocations.py  revokes them
    disconnections.py  what resource servers must drop
    accounts.py        connects, refreshes once, disconnects

Rules are in `protocol.connected_account`, providers as data in `protocol.upstream_providers`, pages in
`pages.connect`. Tokens leave this package only in answers to resource servers and requests to the provider.
"""
