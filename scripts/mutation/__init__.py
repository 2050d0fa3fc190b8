"""Makes the mutants of a module, and runs its tests against each in a forked process."""
