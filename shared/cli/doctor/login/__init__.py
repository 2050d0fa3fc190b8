"""The walk of a client from the registration to the revocation: one real login, and everything after it.

`walk` makes the steps; `client` is the OAuth client they are made with, `authority` the authorization server,
`mcp` the MCP server, `listener` the redirect URI on loopback. `browser_cookies` and `forms` are two ways to
the person: a real browser, or the plain forms of the pages filled in. Nothing is judged here. What was
registered and granted is taken back in the end, where the server offers it.
"""
