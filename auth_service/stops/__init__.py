"""The stop switch: tools, mounts, clients and people that the operator has stopped.

Owns the list in the store and tells resource servers of changes. What is stopped there is decided by them.

    for_callers.py  the stops as a resource server knows the people in them
    records.py  the stops with who made them, and when
    concerning.py  the stops that concern a connection of a person
    switch.py   stops and resumes
"""
