"""Account changes and logouts, with the sessions and grants that end together with them.

`lifecycle` disables accounts and changes passwords; `logout` ends a session and notifies the clients that
took part in it (OpenID Connect Back-Channel Logout 1.0).
"""
