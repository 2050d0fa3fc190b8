"""The journal: one event for each decision, in a chain that shows each later change (JR-1 to JR-4).

    event.py        an event: its kind, time and members
    chain.py        the entries of one process, each with the digest of the one before
    checkpoint.py   signed entries, which also name the heads of the other chains
    verification.py finds edited, removed, reordered and truncated entries
    delivery.py     entries on their way from a resource server to the authorization server
    redaction.py    arguments of tools without values that the journal must not keep
    secret_text.py  masks secrets by their form, or by the name of their member

Pure. Where entries are kept is decided by each service.
"""
