"""Task ids, bound to principals."""
