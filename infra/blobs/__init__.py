"""The content-addressed store of file bytes: `sha256/ab/<64 hex>`, each file written once and never changed.
The folder is trusted with nothing: whatever is read back is hashed again before it is believed."""
