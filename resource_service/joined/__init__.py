"""Several MCP servers behind one URL (GW-3).

A request for one mount passes that mount's own guard, as at the mount's own URL, for the part of the caller's
token that is about the mount. So policy, pins, limits, stops, connected accounts and the journal apply by the
mount and its own names; nothing of it is repeated here.

    client_messages.py  the mount that a message is for; pure
    server_messages.py  messages of a mount's server, for the client; pure
    sections.py         a mount, its guard, and the part of a token that is about it
    policy.py           the scopes of all mounts, for the metadata
    exchange.py         one request of ours to a mount
    sessions.py         sessions of clients (2025-11-25), and those of the mounts in them
    parts.py            opens the sessions of mounts
    forwarding.py       a message for one mount, forwarded through its guard
    modern.py           requests of revision 2026-07-28 that are refused for all mounts; pure
    request.py          a request to the joined URL
    errors.py           the refusals of the joined URL itself
    mount_results.py    asks the mounts what they are
    server_results.py   the result of one server, made of theirs; pure
    lists.py            the lists of all mounts as one
    streams.py          streams of several mounts as one
    listening.py        the streams that clients open to listen
    dispatch.py         decides who answers a request
    search.py           two tools in place of many
    endpoint.py         the endpoint
    resource.py         the endpoint with its metadata

The names of tools, resources and ids are in `resource_service.messages.joined_names`.
"""
