"""The app: every router of the API composed by one function, and the errors and limits that all of them share.

- Errors are problems (`infra.http.problems`), but below the registry's paths they are Confluent's error bodies
  (`infra.http.confluent`), since stock clients parse those.
- A body is read whole before a route sees it, at most `BODY_BYTES_MAX`; a longer one is refused with 413 as soon as
  that is known, by its Content-Length or by its bytes.
- A path is exact: no redirect adds or takes a slash. The pages of FastAPI's documentation viewers, which load scripts
  from elsewhere, are off; the description itself is `/openapi.json`.
"""

from collections.abc import Sequence
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import LedgerError
from infra.http.confluent import Fault, is_registry_path, read_only, render_fault
from infra.http.health import Check, CountRequests, Metrics, make_health_router
from infra.http.problems import INTERNAL, problem, problem_of_error, problem_of_status
from infra.http.registry import make_registry_router
from schemas.catalogue import Catalogue

BODY_BYTES_MAX: Final = 1 << 20
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def make_app(
    catalogue: Catalogue, *, checks: Sequence[Check] = (), metrics: CollectorRegistry | None = None
) -> FastAPI:
    """Return the API over the schemas of a catalogue.

    `checks` decide `/readyz`; `metrics` is a Prometheus registry that may hold metrics of others, new if None.
    """
    app = FastAPI(
        title="edgeprint",
        summary="The ledger of a film digital-asset supply chain.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    schemas = sum(len(versions) for versions in catalogue.versions.values())
    counted = Metrics(CollectorRegistry() if metrics is None else metrics, schemas)
    app.include_router(make_health_router(tuple(checks), counted))
    app.include_router(make_registry_router(catalogue))
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(LedgerError, _on_ledger_error)
    app.add_exception_handler(Exception, _on_crash)
    app.add_middleware(LimitBodies)
    app.add_middleware(CountRequests, metrics=counted)  # the last one added is the outermost
    return app


class LimitBodies:
    """ASGI middleware that hands every request on with its whole body, or refuses it as too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        declared = connection.headers.get("content-length", "0")
        body = bytearray()
        more = not (declared.isascii() and declared.isdigit() and int(declared[:20]) > BODY_BYTES_MAX)
        too_large = not more
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            too_large = len(body) > BODY_BYTES_MAX
            more = bool(message.get("more_body")) and not too_large
        if too_large:
            refusal = _refuse(connection, 413, f"expected a body of at most {BODY_BYTES_MAX} bytes, found more")
            await refusal(scope, receive, send)
            return
        pending: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)


def _refuse(connection: HTTPConnection, status: int, detail: str) -> Response:
    """Return an error in the form that the path's clients read."""
    if is_registry_path(connection.url.path):
        return render_fault(Fault(status, detail))
    return problem_of_status(connection, status, detail)


async def _on_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise AssertionError(f"the framework handed over a {type(error).__name__}") from error
    detail: object = error.detail
    if isinstance(detail, Fault):
        return render_fault(detail)
    path, method = request.url.path, request.method
    if error.status_code == 405 and is_registry_path(path) and method in _WRITES:
        return render_fault(read_only(f"{method} {path}"))
    said = {
        404: f"expected a path of this API, found {path}",
        405: f"expected a method that {path} takes, found {method}",
    }
    answer = _refuse(request, error.status_code, said.get(error.status_code, str(detail)))
    answer.headers.update(error.headers or {})  # Allow, on a 405
    return answer


async def _on_validation_error(request: Request, error: Exception) -> Response:
    return _refuse(request, 400, f"expected the parameters of {request.url.path}, found others: {error}")


async def _on_ledger_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, LedgerError):
        raise AssertionError(f"the framework handed over a {type(error).__name__}") from error
    return problem_of_error(request, error)


async def _on_crash(request: Request, error: Exception) -> Response:
    """Answer without a word on what broke; the server logs it."""
    del error
    if is_registry_path(request.url.path):
        return render_fault(Fault(50001, INTERNAL.english))
    return problem(request, INTERNAL, "see the log of this process")
