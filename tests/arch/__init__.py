"""Tests: arch.
Nothing imports tests."""
