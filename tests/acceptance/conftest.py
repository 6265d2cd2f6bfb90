"""The browser of the console's own tests, here in front of the whole system."""

from tests.api.conftest import browser, visit

__all__ = ["browser", "visit"]
