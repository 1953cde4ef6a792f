"""The small recipes and data of the unit tests."""

from tests.unit.conftest import digits, recipe  # noqa: F401
