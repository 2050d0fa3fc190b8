"""Tests of counting calls against the limits of a policy."""
