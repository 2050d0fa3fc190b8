"""Counts the calls that a policy limits, in the store that processes share or else in this process.

counts.py    counters in windows of time
slots.py     calls under way, each with a lease
person_slots.py  the connections and commands of people
counted_calls.py  the counts and slots of one request
counting.py  where calls are counted
keeper.py    applies the limits of a policy to requests
"""
