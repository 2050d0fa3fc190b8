"""The documented key schema of the authorization server. The store itself is `shared/storage`.

keys.py             every key, its value, its lifetime
key_schema.py       the table of all families of keys
federation_keys.py  those of identity providers
release_record.py   the releases that have used the store
"""
