"""``doorward doctor``: takes the steps of an MCP client, from outside, and reports what would stop it.

The doctor works with any MCP server and any authorization server; it imports neither of our services. It has
three layers, each of which knows only those before it:

- `exchange` and `fetch`: one HTTP exchange, recorded completely, limited in time and size, never redirected.
- `discovery` and `login`: which exchanges to make, in a client's order. They fill an `Evidence` and judge
  nothing.
- `checks`: pure functions from the evidence to a verdict, one function per rule; `profiles` adjust their
  weight to one client. `report` prints the lines, `text` makes server data safe to print.
"""
