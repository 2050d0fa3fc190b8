"""The journal of the authorization server: who did what, in chains that show each later change.

    journal.py    records events: the interface for the rest of the service
    writer.py     writes the chain of this process, many events with one write
    checkpoints.py signs the chain once a minute
    reader.py     reads the chains of all processes, and verifies them
    received.py   stores the chains of resource servers
    search.py     finds events
    grant_events.py the events about a grant
    retention.py  removes old events
    keys.py       the keys of checkpoints

Entries, chains and their verification are `shared.journal`.
"""
