"""`edgeprint demo`: the whole story on real files. `story` tells it; `people` are its parties and what they decide."""
