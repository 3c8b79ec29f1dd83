"""A film project of one page, `the lamp at the weir`, and the script that draws its pictures and its lantern.
The files under `project/` are committed; `python -m examples.film.make --check` says whether they are what it makes."""
