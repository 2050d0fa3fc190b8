"""Hashes of passwords that cost nearly nothing, for tests that are not about their cost."""

from __future__ import annotations

from auth_service.crypto.passwords import Cost

CHEAP = Cost(memory_kib=256, iterations=1, lanes=1)
"""Under 1 ms; the cost of a deployment is 0.2 s."""
