"""Make the mutants of a module, and run its tests against each in a forked process."""
