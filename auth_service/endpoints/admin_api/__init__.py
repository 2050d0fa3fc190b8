"""The admin API, below ``/admin/api``: JSON for programs of administrators (ID-8).

    callers.py    who calls: verifies the access token, on every request
    requests.py   the request: path, query, JSON body, preconditions
    start.py      who calls, and the metadata of the API (RFC 9728)
    objects.py    the objects that paths name, and the errors of operations on them
    routing.py    one endpoint for each path, from its operations
    listing.py    lists, a page at a time
    people.py     accounts, with their one-time links and second factors
    access.py     groups, and the access rules as a whole
    access_rules.py  single access rules
    clients.py    clients
    journal.py    searches the journal
    connections.py  the grants and sessions of a person
    provider_accounts.py  the accounts of a person at providers

The operations are those of commands and console: `administration`, `accounts`, `access`. No cookie is read,
so that no page of another site can act through a browser.
"""
