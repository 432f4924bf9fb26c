"""Fixtures that every test may ask for."""

pytest_plugins = ["libs.testing.servers"]
