"""Task ids, which only the principal that created a task can use (GW-8)."""
