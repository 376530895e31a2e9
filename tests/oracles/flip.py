"""Writes a copy of a file with one bit of one byte changed:  python flip.py FILE COPY PLACE  (PLACE in bytes, or 0.5 of it)."""

import sys

source, copy, place = sys.argv[1:]
with open(source, "rb") as file:
    data = bytearray(file.read())
place = int(float(place) * len(data)) if "." in place else int(place)
data[place] ^= 1
with open(copy, "wb") as file:
    file.write(data)
