"""What ends together: an account change or a logout, and the sessions and grants that depend on it.

`lifecycle` disables accounts and changes passwords; `logout` ends a session and notifies the clients that
took part in it (OpenID Connect Back-Channel Logout 1.0).
"""
