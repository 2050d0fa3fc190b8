"""The console: pages below ``/admin`` for administrators.

    router.py            admits administrators and selects the section
    recent_login.py      a login of the last minutes, or the password again, for what is dangerous
    sections.py          the interface of a section, and the parts that pages share
    operation_errors.py  the errors of operations, as pages
    software.py          clients by software, and the clients of one software
    client.py            one client
    new_client.py        a new client
    client_form.py       the form with the metadata of a client
    invitations.py       initial access tokens: created, shown once, revoked
    people.py            the list of accounts, and invitations of people
    person.py            one account
    person_actions.py    the actions on an account
    groups.py            local groups and their members
    access.py            the access rules, and what they give a person
    access_rule.py       one access rule

The operations are those of commands and admin API: `administration`, `accounts`, `access`. Every action is
logged with the administrator. Lists are paginated, and read no more than they show if reading is expensive.
"""
