"""Install as the guides say, in an empty environment, and call a tool with a real client.

place.py is the environment of a newcomer, ways.py the commands of each way, and times.py the table.
"""
