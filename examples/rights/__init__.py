"""The files of the story that docs/rights.md tells, and the shell scripts that it runs (`README.md` lists them)."""
