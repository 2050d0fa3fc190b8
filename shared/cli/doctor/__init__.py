"""``doorward doctor``: walks what an MCP client walks, from outside, and says what would stop it.

It works against any MCP server and any authorization server; neither of our services is imported. Three
layers, each of which knows only those before it:

- `exchange` and `fetch`: one HTTP exchange, recorded whole, bounded in time and size, never redirected.
- `discovery` and `login`: which exchanges to make, in a client's order. They fill an `Evidence`, and judge
  nothing.
- `checks`: pure functions from the evidence to a verdict, one function a rule; `profiles` shift their weight
  to what one client minds. `report` prints the lines, `text` makes what a server sent safe to print.
"""
