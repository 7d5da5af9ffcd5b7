"""PNG files without the texts in them."""

import struct

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iCCP"})
_XMP = b"XML:com.adobe.xmp\0\0"


def without_texts(data: bytes) -> bytes:
    """Return a PNG file without its texts and colour profile, which Pillow refuses where they are large.

    An uncompressed XMP text stays, since it may hold the orientation.
    """
    parts, place = [data[:8]], 8
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        text = kind in _TEXTS or (kind == b"iTXt" and not data[place + 8 : end].startswith(_XMP))
        if not text:
            parts.append(data[place:end])
        place = end
    return b"".join(parts)
