"""The steps of a client from the registration to the revocation, with one real login.

`walk` takes the steps; `client` is the OAuth client, `authority` the authorization server, `mcp` the MCP
server, `listener` the redirect URI on loopback. A person logs in through `browser` (a real browser) or
`forms` (which fills in the plain forms of the pages). Nothing is judged here. In the end, registrations and
grants are deleted where the server allows it.
"""
