"""The wiring: creates every component once, with exactly what it depends on.

    configured.py         converts the settings to the types that the rules use
    infrastructure.py     settings, store, clock, outgoing requests and keys
    renewal.py            renewal of groups from identity providers
    page_context.py       the context of every page
    components.py         every component, by subject
    grant_types.py        the grant types that the token endpoint offers
    factor_components.py  second factors, for other pages
    connected_accounts.py  accounts that people connect for upstreams
    federated_login.py    logins through identity providers
    second_factors.py     the pages about second factors
    account_page.py       the account page and its sections
    admin_api.py          administrative operations, and the admin API
    console.py            the console and its sections
    journal.py            the upkeep of the journal

A module imports only modules above it, and nothing here reads a request. Only `routes` and `main` import this
package.
"""
