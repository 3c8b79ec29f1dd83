# What docs/rights.md needs before its first line, for bash: `. examples/rights/story.sh`.
# It makes the parties of the story in the ledger of EDGEPRINT_HOME, each with a key that lies there too; in a real
# house everybody keeps their own. Nothing else is done here: every title, grant and licence is made on the page.

set -o pipefail
mkdir -p build/rights && cp -r examples/rights/works examples/rights/papers build/rights/
WORKS=build/rights/works PAPERS=build/rights/papers SCOPES=examples/rights/scopes MONEY=examples/rights/money

# pick MEMBER: of the JSON that a command prints, one value; members of members by dots. Of an error, what it says.
pick() {
    python3 -c 'import json, sys
found = json.load(sys.stdin)
if "error" in found:
    sys.exit(found["message"])
for name in sys.argv[1].split("."):
    found = found[int(name) if name.isdigit() else name]
print(found)' "$1"
}

# made COMMAND...: give a command and print the identifier of what it made.
made() { edgeprint "$@" --json | pick stream; }

# paper NAME: put a document into the blob store and print its SHA-256, by which events cite it.
paper() { edgeprint blob put "$PAPERS/$1" --json | pick stored.0.sha256; }

# enrolled KIND [ROLE]: enrol a party with a key and print its identifier.
enrolled() {
    local party
    party=$(made party enrol --kind "$1")
    edgeprint party new-key "$party" >/dev/null
    [ -z "$2" ] || edgeprint party assign-role "$party" --role "$2" >/dev/null
    echo "$party"
}

# brought WORK HOLDER [RELATION OBJECT]...: say in a sidecar what a work comes from, bring it to the gate as its
# holder, and print its identifier.
brought() {
    local file="$WORKS/$1" holder=$2 parents=
    shift 2
    while [ $# -gt 0 ]; do
        parents="$parents, {\"relation\": \"$1\", \"object\": \"$2\"}"
        shift 2
    done
    printf '{"format": "edgeprint/sidecar/1", "file": "%s", "origin": "human_work", "parents": [%s]}\n' \
        "${file##*/}" "${parents#, }" >"$file.edgeprint.json"
    edgeprint identify "$file" --as "$holder" --json | pick objects.0.id
}

# own WORK OWNER: claim a work as its owner's own creation and print the identifier of the title.
own() { edgeprint declare own-creation "$WORKS/$1" --as "$2" --json | pick titles.0.id; }

# named: put the words of the story in place of identifiers, which are all that the ledger knows.
named() {
    local script='' word
    for word in AUTHOR CO_AUTHOR STUDIO PARK ARCHIVE LAB ACTRESS OPERATOR RADIO_HOST APPRAISER PLATFORM UPLOADER \
        COURT NOVEL FILM RIDE PICTURES MODEL POSTER SCENE CUT TRAILER {NOVEL,FILM,RIDE,PICTURES,MODEL,POSTER,SCENE}_TITLE \
        PERFORMANCE_TITLE FILM_GRANT RIDE_GRANT RESEARCH_GRANT MODEL_GRANT CONSENT RIDE_LICENCE POSTER_LICENCE \
        ACCOUNT VALUATION CASE; do
        [ -z "${!word}" ] || script="$script;s|${!word}|$(tr 'A-Z_' 'a-z ' <<<"$word")|g"
    done
    sed "$script"
}

STUDIO=$(edgeprint status --json | pick holder)   # whoever founded the ledger
AUTHOR=$(enrolled person) CO_AUTHOR=$(enrolled person) RADIO_HOST=$(enrolled person) ACTRESS=$(enrolled person)
UPLOADER=$(enrolled person) APPRAISER=$(enrolled person auditor) COURT=$(enrolled organisation clerk)
PARK=$(enrolled organisation) OPERATOR=$(enrolled organisation) ARCHIVE=$(enrolled organisation)
LAB=$(enrolled organisation) PLATFORM=$(enrolled organisation)
