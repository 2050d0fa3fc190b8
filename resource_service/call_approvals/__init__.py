"""Approvals of calls that the policy requires, requested from the authorization server (GW-6).

calls.py    the canonical form of a call, and the message that is forwarded; pure
answers.py  what the authorization server answers; pure
client.py   one query
errors.py   error responses
configured.py  the client, as the settings define it
"""
