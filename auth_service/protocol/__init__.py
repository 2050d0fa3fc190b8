"""The rules of OAuth 2.1 and OpenID Connect, one file per document or concern.

Owns every decision: what is valid, what is granted, what a grant's next state is. Leaves to others: reading
requests, storing documents, the clock, randomness. Functions take documents and `now` and return documents.
"""
