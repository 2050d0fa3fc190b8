"""The rules of OAuth 2.1 and OpenID Connect, one file per document or concern.

Owns every decision: what is valid, what is granted, what the next state of a grant is. Other packages read
requests, store documents, and provide time and randomness. Functions take documents and `now` and return
documents.
"""
