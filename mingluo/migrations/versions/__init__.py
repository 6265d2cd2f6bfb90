"""The steps, oldest first. A released step is never changed, and none goes down: the way back is a backup."""
