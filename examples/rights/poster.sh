# Section 4 of docs/rights.md: an archive, a lab, and a poster of the studio; `. examples/rights/poster.sh`.

# The archive gives the lab its pictures, for research alone, and the lab trains a model on them.
G_PICTURES=$(own pictures.csv "$ARCHIVE")
PICTURES=$(brought pictures.csv "$ARCHIVE")
R_PICTURES=$(granted "$G_PICTURES" "$LAB" pictures-to-model ordinary "$ARCHIVE")
G_MODEL=$(own model.json "$LAB")
MODEL=$(brought model.json "$LAB" trained_on "$PICTURES")
cites "$MODEL" "$LAB" "$R_PICTURES"

# The lab grants the studio the model for any purpose, and the studio makes a poster with it.
R_MODEL=$(granted "$G_MODEL" "$STUDIO" model-to-studio ordinary "$LAB")
G_POSTER=$(own poster.svg "$STUDIO")
POSTER=$(brought poster.svg "$STUDIO" prompted_by "$MODEL")
cites "$POSTER" "$STUDIO" "$R_MODEL"

# The studio offers the poster to be hung, commercially, and the operator asks for that.
L_POSTER=$(made licence offer --object "$POSTER" --title "$G_POSTER" --scope "$SCOPES/poster-licence.json" \
    --terms "$(paper terms.txt)" --until 2030-01-01T00:00:00Z --as "$STUDIO")
edgeprint licence request "$L_POSTER" --key "$(vkey_of "$OPERATOR")" --scope "$SCOPES/poster-licence.json" \
    --as "$OPERATOR" >/dev/null
