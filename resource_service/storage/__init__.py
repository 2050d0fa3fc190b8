"""The store that the processes of this service may share, and its key schema.

The backends are `shared/storage`.

keys.py          every key, its value, its lifetime
first_values.py  what processes agree on
shared_store.py  opens the store, unless it holds the keys of the authorization server
"""
