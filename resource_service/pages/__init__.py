"""Pages for people who open an address of this service in a browser.

    visitors.py     the choice of the page for a request

An MCP URL is for programs, but people open it because it is what they were given. Status and challenge are
the same as for a program.
"""
