"""The console: pages below ``/admin`` for administrators.

    assembly.py     the sections, put together
    door.py         who is let in, and which section answers
    sections.py     what every section is given, and the parts that pages share
    software.py     clients by software, and the clients of one software
    invitations.py  initial access tokens: made, shown once, revoked
    people.py       accounts, what each has connected, the end of it

Every act is logged with who did it. Lists are cut into pages, and look at no more than they show where that
costs reads.
"""
