"""The journal of the authorization server: who did what, in chains that show each later change.

    journal.py    records events: the interface for the rest of the service
    writer.py     writes the chain of this process, many events with one write
    checkpoints.py signs the chain once a minute
    reader.py     reads the chains of all processes, and verifies them
    received.py   stores the chains of resource servers
    quota.py      limits what a resource server delivers
    query.py      the conditions of a search
    search.py     finds events, the newest first, a page at a time
    newest_first.py  the entries of all chains in order, backwards
    call_outcomes.py the beginning and the end of a call as one event
    stories.py    the events around one event
    causes.py     the order of the events of a story
    grant_events.py the events about a grant
    retention.py  removes old events
    limits.py     the size of the journal, and the share of strangers
    growth.py     the bytes stored since the last removal
    omissions.py  counts what the journal does not contain
    keys.py       the keys of checkpoints

Entries, chains and their verification are `shared.journal`.
"""
