"""A rulebook that was refused."""

from community.file_faults import FileErrors


class RulebookErrors(FileErrors):
    """A rulebook was refused, with all of its faults in the order of the file."""
