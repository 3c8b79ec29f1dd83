# Section 8 of docs/rights.md: a copy of the film is seen, judged, notified and blocked; `. examples/rights/copy.sh`.

# Nobody's data is erased while it is needed: the court has the user's held, which the case then names.
edgeprint subject hold "$UPLOADER" --matter "the copy on the platform" --as "$COURT" >/dev/null
HOLD=$(edgeprint party show "$UPLOADER" --json | pick holds)

# Who reports does not confirm. The place is a secret, and so is the docket number later.
F_COPY=$(made case report --object "$FILM" --place "$SECRETS/place.txt" --capture "$(paper capture.txt)" \
    --platform "$PLATFORM" --seen-at 2026-08-30T12:00:00Z --as "$RADIO_HOST")
edgeprint case confirm "$F_COPY" --method comparison --evidence "$(paper capture.txt)" --as "$STUDIO" >/dev/null
edgeprint case open "$F_COPY" --claimant "$STUDIO" --title "$G_FILM" --respondent "$UPLOADER" --hold "$HOLD" \
    --as "$STUDIO" >/dev/null

# The studio notifies the platform, which forwards the notice and blocks the page.
edgeprint case notice "$F_COPY" --claimant "$STUDIO" --platform "$PLATFORM" --evidence "$(paper capture.txt)" \
    --document "$(paper notice.txt)" --sent-at 2026-09-01T02:00:00Z --as "$STUDIO" >/dev/null
edgeprint case takedown "$F_COPY" --platform "$PLATFORM" --measure blocked --document "$(paper measures.txt)" \
    --taken-at 2026-09-02T02:00:00Z --as "$PLATFORM" >/dev/null
