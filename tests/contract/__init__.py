"""Tests: contract.
Nothing imports tests."""
