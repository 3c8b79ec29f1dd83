"""Tests: unit.
Nothing imports tests."""
