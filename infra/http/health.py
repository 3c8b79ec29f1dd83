"""Whether the process lives, whether it is ready and if not why, and its metrics.

- `GET /healthz`: 200 {"status": "ok"} as long as the process answers at all.
- `GET /readyz`: 200 {"ready": true, "checks": [names]}, else 503, a problem of the type
  `urn:edgeprint:problem:not-ready` whose `reasons` say of each failing check what it expected and found.
- `GET /metrics`: the Prometheus text format. Names are part of the interface and only ever added:

| metric | type | labels | meaning |
|---|---|---|---|
| `edgeprint_http_requests_total` | counter | method, route, status | requests answered; `route` is the pattern |
| `edgeprint_http_request_seconds` | histogram | method, route | seconds from the request's head to the answer's end |
| `edgeprint_check_ready` | gauge | check | 1 if this check of `/readyz` passes at the time of the scrape, else 0 |
| `edgeprint_registry_schemas` | gauge | | versions of schemas that the registry serves |
| `edgeprint_build_info` | gauge | version | always 1 |
| `edgeprint_ledger_*`, `edgeprint_sealed_size`, ... | gauge | | the ledger's own: `infra.http.ledger_state` |
| `process_*` | | | memory, CPU seconds, descriptors and start time of the process, where there is a /proc |

Every label has few values: an unknown path is the route `unmatched`, an unknown method is `other`. The library adds
`..._created`, the time at which a counter or histogram began.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from time import perf_counter
from typing import Final

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import LedgerError
from infra.http.problems import NOT_READY, problem, render_json

CLOSED: Final = 499
"""The status under which a request counts whose client went away before there was an answer."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness.

    `reason` returns None if it holds, else what was expected and found; it may raise our errors instead. It is called
    on a thread at each `/readyz` and `/metrics`, perhaps by several at a time, and returns within a second.
    """

    name: str
    reason: Callable[[], str | None]


class Metrics:
    """The metrics of one app in a Prometheus registry of its own; others may add theirs to `registry`."""

    def __init__(self, registry: CollectorRegistry, schemas: int) -> None:
        """Register every metric. `registry` holds none of these names yet."""
        self.registry = registry
        self.requests = Counter(
            "edgeprint_http_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self.seconds = Histogram(
            "edgeprint_http_request_seconds",
            "Seconds from the request's head to the answer's end.",
            ("method", "route"),
            registry=registry,
            buckets=SECONDS_BUCKETS,
        )
        self.ready = Gauge("edgeprint_check_ready", "1 if this check of /readyz passes.", ("check",), registry=registry)
        Gauge("edgeprint_registry_schemas", "Versions of schemas served.", registry=registry).set(schemas)
        build = Gauge("edgeprint_build_info", "Always 1.", ("version",), registry=registry)
        build.labels(version("edgeprint")).set(1)
        ProcessCollector(registry=registry)


class CountRequests:
    """ASGI middleware that counts and times every request, those refused by inner middleware too."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and record its outcome."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = CLOSED, perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except BaseException:
            status = 500
            raise
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.seconds.labels(method, route).observe(perf_counter() - started)


def make_health_router(checks: Sequence[Check], metrics: Metrics) -> APIRouter:
    """Return the routes of this module over the checks, which are asked in their order."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> Response:
        """Return 200 as long as the process answers."""
        return _json({"status": "ok"})

    @router.get("/readyz")
    def readyz(request: Request) -> Response:
        """Return 200 if every check passes, else 503 with the reasons."""
        failing = [{"check": name, "reason": reason} for name, reason in _reasons(checks).items() if reason is not None]
        if failing:
            detail = f"expected {len(checks)} checks to pass, found {len(failing)} failing"
            return problem(request, NOT_READY, detail, reasons=failing)
        return _json({"ready": True, "checks": [check.name for check in checks]})

    @router.get("/metrics")
    def metrics_page(request: Request) -> Response:
        """Return the metrics in the Prometheus format that Accept asks for."""
        for name, reason in _reasons(checks).items():
            metrics.ready.labels(name).set(0 if reason else 1)
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return router


def _reasons(checks: Sequence[Check]) -> dict[str, str | None]:
    return {check.name: _reason(check) for check in checks}


def _reason(check: Check) -> str | None:
    """Return why a check fails. One that breaks has failed: the others' reasons must still be seen."""
    try:
        return check.reason()
    except LedgerError as err:
        return str(err)
    except Exception as err:
        return f"expected the check to work, found {type(err).__name__}"


def _json(value: object) -> Response:
    return Response(render_json(value), headers={"Cache-Control": "no-store"}, media_type="application/json")
