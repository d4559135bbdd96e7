"""Tests: real stores, real files, no mocks of our own code."""
