"""The gate for files: walk what the user named, open it without being fooled, read the sidecars beside it.
Everything found here is foreign: one bad file becomes a `Refused` with a reason and never stops the others."""
