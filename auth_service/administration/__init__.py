"""The operations of administrators: one function each, which commands, console and admin API call (ID-8).

- `actors`          who does it, and the log line about it
- `clients`         clients: created, edited, disabled, deleted; their secrets
- `client_metadata` the metadata of a client that the operator creates
- `people`          accounts: created, invited, changed, disabled, deleted
- `access_rules`    single access rules
- `groups`          the members of local groups
- `connections`     the grants and sessions of a person
- `provider_accounts`  the accounts of a person at providers

Accounts change through `accounts`, groups and access rules through `access`.
"""
