"""JPEG files whose picture is not all there, though they end as they should."""

import re
import struct

import simplejpeg

# What libjpeg warns of and still draws; the rest of its warnings leave the pixels as they should be.
_DAMAGE = re.compile(r"premature end|bad Huffman code|instead of RST|inconsistent progression", re.IGNORECASE)
# Data that was not needed: a few bytes are harmless, many mean that it is not what the encoder wrote.
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes")
_MANY = 64
_CLOSED = b"\xff\xd9"
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
_ALONE = frozenset({0x01, 0xD8})
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END = 0xDA, 0xD9
_COEFFICIENTS = 64


def jpeg_damage(data: bytes) -> str:
    """Return why a JPEG file's pixels are incomplete or damaged; empty where they are sound.

    Decoders draw grey where data is missing and only warn, so a file that was cut off and closed again
    (or filled up) looks sound to them. The file is decoded at an eighth of its size, which reads all of
    its data, and a progressive file's scans are counted.

    Parameters
    ----------
    data : bytes
        A JPEG file.
    """
    try:
        colours = "CMYK" if simplejpeg.decode_jpeg_header(data)[2] == "CMYK" else "GRAY"
        simplejpeg.decode_jpeg(
            data, colours, fastdct=True, fastupsample=True, min_height=1, min_width=1, min_factor=8
        )
    except ValueError as error:
        # Files of a kind that this decoder does not know are left to Pillow.
        message = str(error).strip().rstrip(".")
        left_over = _LEFT_OVER.search(message)
        if _DAMAGE.search(message) or (left_over and int(left_over[1]) >= _MANY):
            return f"cut off or damaged ({message})"
    if not data.rstrip(b"\0").endswith(_CLOSED) and data.endswith(bytes(_MANY)):
        return "cut off (filled up with zeros)"
    return _missing_scans(data)


def _missing_scans(data: bytes) -> str:
    """Return which part of a progressive file is missing: a coefficient or a bit that no scan brings."""
    left: dict[int, list[int]] = {}
    place = 2
    while (found := _MARKER.search(data, place)) is not None:
        marker, place = found[1][0], found.end()
        if marker == _END:
            break
        if marker in _ALONE:
            continue
        if place + 2 > len(data):
            break
        body = data[place + 2 : place + struct.unpack_from(">H", data, place)[0]]
        place += 2 + len(body)
        if marker in _FRAMES:
            if marker not in _PROGRESSIVE:
                return ""
            # Bits that are still to come, for each coefficient of each component.
            left = {body[6 + 3 * i]: [99] * _COEFFICIENTS for i in range(body[5])}
        elif marker == _SCAN and left:
            count = body[0]
            first, last, bits = body[1 + 2 * count], body[2 + 2 * count], body[3 + 2 * count] & 15
            for component in body[1 : 1 + 2 * count : 2]:
                for coefficient in range(first, last + 1):
                    left[component][coefficient] = bits
    return "cut off (scans are missing)" if any(any(bits) for bits in left.values()) else ""
