"""Self-contained pages for people who open a URL of either service in a browser.

    environment.py  the template environment, shared with the authorization server
    standalone.py   renders templates with the style sheet and the logo inlined
    refused.py      the error page
    home.py         the page at the root of a service
    connecting.py   how to add an MCP server to programs: deep links, commands

Pages load nothing: they may be shown at any path below the service, and behind a proxy that forwards only
the MCP URL. Each service adds its own templates and decides which page is shown when.
"""
