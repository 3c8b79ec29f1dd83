"""Tests: golden.
Nothing imports tests."""
