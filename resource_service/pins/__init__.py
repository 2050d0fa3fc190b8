"""Pinned definitions: what a server said about its tools when they were approved is what it may say later.

This package owns the canonical form of tools, prompts, resource templates and instructions, the comparison
with what was approved, and the lock file that keeps it. It leaves to others how definitions are requested
from a server (`resource_service.middleware.pinned`), and who may call them (`resource_service.policy`).
"""
