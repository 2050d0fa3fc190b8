"""Backups of the store, and their restoration.

    backup_file.py   the content of a backup, one line of JSON for each entry
    restoration.py   entries written to another store, without those that were revoked since

Owns the format, and what is left out. `storage.entries` reads and writes stores,
`crypto.encrypted_file` encrypts.
"""
