# What docs/rights.md needs before its first line, for bash: `. examples/rights/story.sh`.
# It enrols the parties of the story (people.py) and names what the page uses again and again. Every title, grant and
# licence is made on the page, or in poster.sh, scene.sh and copy.sh, which it runs.

set -o pipefail
mkdir -p build/rights && cp -r examples/rights/works examples/rights/papers build/rights/
WORKS=build/rights/works PAPERS=build/rights/papers SCOPES=examples/rights/scopes
MONEY=examples/rights/money SECRETS=examples/rights/secrets

# pick MEMBER: the first value of that name in the JSON that a command prints, of a list its first; of an error, what
# it says.
pick() {
    awk -F'"' -v name="$1" '
        $2 == "message" { print $4 >"/dev/stderr" }
        $2 == name && $3 == ": [" { getline; gsub(/[ ,]/, ""); print; found = 1; exit }
        $2 == name { gsub(/^: |,$/, "", $3); print ($4 == "" ? $3 : $4); found = 1; exit }
        END { exit !found }'
}

# made COMMAND...: give a command and print the identifier of what it made.
made() { edgeprint "$@" --json | pick stream; }

# work NAME, paper NAME: the SHA-256 by which events cite a work or a document. All of them are in the blob store.
work() { sha256sum <"$WORKS/$1" | cut -c 1-64; }
paper() { sha256sum <"$PAPERS/$1" | cut -c 1-64; }
edgeprint blob put "$WORKS/novel.txt" "$PAPERS"/*.* >/dev/null

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
    edgeprint identify "$file" --as "$holder" --json | pick id
}

# own WORK OWNER: claim a work as its owner's own creation and print the identifier of the title.
own() { edgeprint declare own-creation "$WORKS/$1" --as "$2" --json | pick id; }

# granted TITLE GRANTEE SCOPE ALLOCATION GIVER [OPTION]...: record a grant, let its grantee accept it, and print its
# identifier. `--kind consent` among the options makes it a consent.
granted() {
    local title=$1 grantee=$2 scope=$3 allocation=$4 giver=$5 kind=grant grant
    shift 5
    [ "$1" != --kind ] || { kind=$2; shift 2; }
    grant=$(made grant record --kind $kind --title "$title" --grantee "$grantee" --scope "$SCOPES/$scope.json" \
        --allocation "$allocation" --terms "$(paper terms.txt)" --as "$giver" "$@") || return
    edgeprint grant accept "$grant" --as "$grantee" >/dev/null
    echo "$grant"
}

# cites OBJECT HOLDER GRANT: let the holder of an object say that it rests on a grant.
cites() { edgeprint object cite-grants "$1" --grant "$3" --as "$2" >/dev/null; }

# head_of: the index of the newest entry.
head_of() { echo $(($(edgeprint status --json | pick ledger_size) - 1)); }

# verdict CHECK...: the first word of what `rights check` says.
verdict() { edgeprint rights check "$@" | sed -n '1s/ .*//p'; }

# vkey_of PARTY, key_of PARTY: a party's public key as it is written, and the file with its private key.
vkey_of() { edgeprint party show "$1" --json | pick vkey; }
key_of() { grep -l "$1" "$EDGEPRINT_HOME"/keys/parties/*/*; }

# named: put the words of the story in place of identifiers, which are all that the ledger knows. The letter before a
# word is that of the identifier: G title, R grant or consent, L licence, M account, V valuation, F case.
named() {
    local script= variable word
    for variable in AUTHOR CO_AUTHOR STUDIO PARK ARCHIVE LAB ACTRESS OPERATOR RADIO_HOST APPRAISER PLATFORM UPLOADER \
        COURT NOVEL FILM RIDE PICTURES MODEL POSTER SCENE CUT TRAILER G_NOVEL G_FILM G_RIDE G_PICTURES G_MODEL G_POSTER \
        G_SCENE G_PERFORMANCE R_FILM R_RIDE R_PICTURES R_MODEL R_CONSENT L_RIDE L_POSTER M_RIDE V_RIDE F_COPY; do
        word=${variable,,} word=${word//_/-}
        [ "${word:1:1}" != - ] || word=${word^}
        [ -z "${!variable}" ] || script="$script;s|${!variable}|$word|g"
    done
    sed "$script"
}

eval "$(python -m examples.rights.people)"   # STUDIO, AUTHOR, CO_AUTHOR and so on
