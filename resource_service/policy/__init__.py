"""Which scopes a message needs: what the operator wrote, kept up to date, and told to those it concerns.

- `rules`      the decision, by `patterns`; `validation` is what a policy cannot be
- `file`       the policy as it is written; `watcher`, the one that counts, read again when the file changes
- `published`  what is behind each scope, for the consent page; `scope_check` with the scopes that are granted
- `draft`      a first policy, from a `server_inventory` of a server
- `list_filter`     takes what the caller may not use out of a `listing`, also in an `event_stream`
"""
