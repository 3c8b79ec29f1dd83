"""A small capability that is filed, scanned, tested and called like any other: posterise reduces a picture's tones."""
