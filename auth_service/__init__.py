"""The authorization server.

    main.py       create_app(settings, store, clock): the only wiring
    settings.py   what the environment may say, checked before anything starts
    configured.py what the settings say, in the form in which the rules want it
    grant_types.py the grant types that are offered, as the settings say
    protocol/     the rules, pure: one file per RFC; documents in, documents out
    grants/       one file per grant type of the token endpoint
    endpoints/    one file per machine-facing URL
    pages/        one file per human-facing page
    identity/     users, sessions, the browser, and the brakes on guessing
    revocations/  the word that a grant has ended, on its way to the resource servers
    outbound/     requests to URLs that strangers chose, the only way to one
    storage/      the store's interface, its two backends, every key it holds
    crypto/       handles, passwords, keys

A request travels endpoints or pages -> grants or identity -> protocol, and the answer travels back. Only
endpoints and pages read requests; only storage, crypto and outbound touch the world.
"""
