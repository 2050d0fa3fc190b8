"""The actions of principals, on their way to the authorization server.

So far calls of tools are counted and sent in batches. `Journal` is the interface: a record of each single
call can take the place of the counts.
"""
