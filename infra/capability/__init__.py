"""Examine what is to be called: bills of materials, scans of files, tests run through the process contract."""
