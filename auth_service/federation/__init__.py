"""Login through identity providers (ID-1, ID-2).

Owns the relying party's side: discovery, the code exchange, the identity that comes of it, and the account
that it leads to. The rules are in `protocol`, the pages in `pages.federated_login`. Everything is fetched by
the operator's own fetcher. A provider's tokens are used at once and kept nowhere.
"""
