"""Faults of real servers: what the service answers, and what is lost."""
