"""Tests: docs.
Nothing imports tests."""
