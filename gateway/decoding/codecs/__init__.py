"""Codecs: the bytes of one wire format → documents of plain Python values. A profile's fields are paths into them."""
