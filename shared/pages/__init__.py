"""Pages that stand by themselves, for people who open an address of either service in a browser.

    environment.py  how templates are read, those of the authorization server too
    standalone.py   templates to responses, with the style sheet and the logo inside
    refused.py      the page for an error
    home.py         the page at the root of a service

They load nothing: a page may be shown at any depth below the service, and by a proxy that passes on the MCP
URL alone. Each service adds templates of its own and says which page is for what.
"""
