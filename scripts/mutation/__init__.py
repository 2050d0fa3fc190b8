"""Generation of a module's mutants, and runs of its tests against each in a forked process."""
