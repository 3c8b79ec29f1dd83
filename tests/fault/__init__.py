"""Tests: fault.
Nothing imports tests."""
