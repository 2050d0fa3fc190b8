"""Pinned definitions of tools: later ones must be as they were approved.

This package owns the canonical form of tools, prompts, resource templates and instructions, the comparison
with what was approved, and the lock file that keeps it. It leaves to others how definitions are requested
from a server (`resource_service.middleware.pinned`), and who may call them (`resource_service.policy`).
"""
