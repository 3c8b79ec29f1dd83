"""Things to try edgeprint on: a small film project made here, and photographs from an installed package.
Nothing in the product imports this folder."""
