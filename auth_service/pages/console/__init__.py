"""The console: pages below ``/admin`` for administrators.

    router.py       admits administrators and selects the section
    sections.py     the interface of a section, and the parts that pages share
    software.py     clients by software, and the clients of one software
    invitations.py  initial access tokens: created, shown once, revoked
    people.py       accounts: their connections, and how to end them

Every action is logged with the administrator. Lists are paginated, and read no more than they show if reading
is expensive.
"""
