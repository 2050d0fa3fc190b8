"""The stops of the operator: requests that they concern are refused, and those in progress end.

matching.py     which stop concerns a request; pure
stopped_list.py the current list, and the requests in progress
"""
