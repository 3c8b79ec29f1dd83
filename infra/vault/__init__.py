"""The vault: values behind commitments, AES-256-GCM under a key for each data subject, wrapped by a master key."""
