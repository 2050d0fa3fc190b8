"""Pages for people who open an address of this service in a browser.

    connecting.py   how programs are given an MCP server: deep links, commands
    visitors.py     which page is for what

An MCP URL is for programs, and people open it all the same: it is what they were given. Status and challenge
are those that a program gets.
"""
