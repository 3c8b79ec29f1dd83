"""Tests: tests.
Nothing imports tests."""
