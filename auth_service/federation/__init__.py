"""Login through identity providers (ID-1, ID-2).

Contains the relying party's side: discovery, the code exchange, the resulting identity, and the account it
logs in to. The rules are in `protocol`, the pages in `pages.federated_login`. Everything is fetched by the
operator's fetcher. Of a provider's tokens, only a refresh token (of GitHub also an access token) and an ID
token for the logout are stored, encrypted: see `credentials` and `id_tokens`.
"""
