# Section 7 of docs/rights.md: a scene, the actress in it, and what was cut from it; `. examples/rights/scene.sh`.

G_SCENE=$(own scene.txt "$STUDIO")
SCENE=$(brought scene.txt "$STUDIO" includes "$FILM")
G_PERFORMANCE=$(own scene.txt "$ACTRESS")
R_CONSENT=$(granted "$G_PERFORMANCE" "$STUDIO" performance ordinary "$ACTRESS" --kind consent)
CUT=$(brought cut.txt "$STUDIO" derivation_of "$SCENE")
TRAILER=$(brought trailer.txt "$STUDIO" derivation_of "$CUT")
