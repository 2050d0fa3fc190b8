"""The grant types of the token endpoint, one file each, and what they share.

Owns how a token request becomes a grant. The token endpoint has authenticated the client and checked that it
may use the grant type before anything here runs; `protocol.grant` holds the rules; HTTP stays outside.
"""
