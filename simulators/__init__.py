"""A physical village whose devices publish like real ones."""
