"""Any scope survives the way into an event, its bytes, and back; and as JSON it is the JSON of a scope."""

from uuid import UUID

from hypothesis import given, settings

from domain.errors import Invalid
from domain.ids import RightsGrantId, StreamId
from domain.rights.grant_events import AllocationKind, ScopeAllocated
from domain.rights.scope_json import parse_scope, scope_json
from domain.rights.scope_terms import ScopeTerms, scope_of, terms_of
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.requests import render_value
from schemas.shapes import Record
from tests.codec_support import envelope
from tests.event_support import values_of
from tests.rights_kit import scopes

CODEC = Codec(CATALOGUE)
SHAPE = next(field.shape for field in CATALOGUE.by_type[ScopeAllocated.TYPE].record.fields if field.name == "scope")


@settings(deadline=None)
@given(scopes)
def test_a_scope_comes_back_from_its_bytes(scope: object) -> None:
    terms = terms_of(scope)  # type: ignore[arg-type]  # a strategy of scopes
    child = StreamId(RightsGrantId(UUID(int=7)))
    event = ScopeAllocated(child=child, kind=AllocationKind.SOLE, scope=terms, quota=None)
    decoded = CODEC.accept(CODEC.encode(event, envelope())).event
    assert decoded == event and isinstance(decoded, ScopeAllocated)
    assert scope_of(decoded.scope) == scope
    assert render_value(SHAPE, terms, "10.5072") == scope_json(scope)  # type: ignore[arg-type]
    assert parse_scope(render_value(SHAPE, terms, "10.5072")) == scope


@settings(deadline=None)
@given(values_of(SHAPE))
def test_rubbish_is_no_scope_or_one_in_its_one_spelling(terms: ScopeTerms) -> None:
    assert isinstance(SHAPE, Record)
    try:
        scope = scope_of(terms)
    except Invalid:
        return
    assert terms_of(scope) == terms
