"""The set-up page of ``doorward up``, in the browser of the person who started it.

    one_time_code.py  the code of the terminal, and the browser that entered it
    answers.py        the answers of the person, checked; pure
    saved.py          the choices, in a file of the data directory
    components.py     one set-up: the server's inventory, the policy, the journal, the self-check
    page.py           the requests
    pages.py          the templates
    listener.py       listens, and imports the page with the first connection
    server.py         serves the page in the process of ``doorward up``

It starts a command that the person typed, so it exists only in ``doorward up``, never in a deployed service:
docs/decisions/set-up.md. The first administrator is created by the authorization server.
"""
