"""Pinned definitions of tools: what resource servers hold, and what administrators have approved.

Owns both in the store. A resource server compares definitions by itself, and decides what is held.

    reported.py  what resource servers have reported in the last hour
    approved.py  what administrators have approved, by whom and when
"""
