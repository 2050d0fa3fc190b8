"""The journal of calls: recorded before they are forwarded, and delivered to the authorization server.

    recorder.py      the calls of one resource: the guard calls nothing else
    call_members.py  who called what, through which client, by which rule; pure
    encoded_calls.py the same members in canonical form, those that many calls share only once
    results.py       the result of a call, as its response shows it
    call_journal.py  the journal of this process
    call_chain.py    a chain, stored in a file in groups
    chain_buffer.py  its entries that are not delivered yet, in memory
    buffer_file.py   its file, locked
    frames.py        the form of the file; pure
    omissions.py     counts what is left out, and leaves out what is refused; pure
    pin_events.py    events about pinned definitions
    measured.py      measures what waits, and what is missing
    deliveries.py    delivers entries to the authorization server
    events_endpoint.py  its endpoint for them
    configured.py    the journal as the settings define it

Entries, chains and redaction are `shared.journal`.
"""
