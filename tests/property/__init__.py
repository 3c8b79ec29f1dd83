"""Tests: property.
Nothing imports tests."""
