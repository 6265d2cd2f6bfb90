"""The standard rulebook, a file for each group of hazards, read in the order of their names."""
