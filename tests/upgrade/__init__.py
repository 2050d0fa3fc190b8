"""A rolling upgrade from an earlier release, and the way back."""
