# Section 5 of docs/rights.md: the park's ride, and the studio's grant on which it rests; `. examples/rights/ride.sh`.

G_RIDE=$(own ride.txt "$PARK")
RIDE=$(brought ride.txt "$PARK" made_from "$FILM")
R_RIDE=$(granted "$G_FILM" "$PARK" film-to-ride sole "$STUDIO" --share-bp 2000)
cites "$RIDE" "$PARK" "$R_RIDE"
