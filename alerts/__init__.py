"""Findings in, responses out: lifecycle, incidents, notification promises, the journal."""
