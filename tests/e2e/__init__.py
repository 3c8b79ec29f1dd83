"""Tests: e2e.
Nothing imports tests."""
