"""Tests of what the operator has stopped."""
