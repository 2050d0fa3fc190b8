"""The grant types of the token endpoint, one file each, and what they share.

Turns a token request into a grant. The token endpoint has already authenticated the client and checked that
it may use the grant type; the rules are in `protocol.grant`; nothing here knows about HTTP.
"""
