"""Who is there: users, their sessions, the browser they use, and what they have agreed to.

Owns accounts, logins, consents, pending authorization requests and the brakes on guessing. Leaves the pages
themselves to ``pages`` and the decision what comes next to ``protocol.interaction``.
"""
