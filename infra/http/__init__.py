"""The HTTP API of one home: so far the read side of a schema registry, health, readiness and metrics.
FastAPI, uvicorn and prometheus-client are imported here and nowhere else."""
