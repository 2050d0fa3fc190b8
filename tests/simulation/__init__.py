"""Histories of clients, faults of the store and a clock, made by Hypothesis, in one process."""
