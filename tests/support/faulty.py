"""Files with every fault that an image can have."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

GREY = np.arange(16 * 12, dtype=np.uint8).reshape(12, 16)


def bomb(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    )  # fmt: skip


def faulty_files(folder):
    """Write one file of each fault; return name to a word of the reason."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, "PNG")
    whole = buffer.getvalue()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("this is not an image")
    (folder / "bomb.png").write_bytes(bomb(20_000, 20_000))
    Image.fromarray(GREY[:1, :1]).save(folder / "tiny.png")
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    frames[0].save(folder / "animated.png", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "pages.tif", save_all=True, append_images=frames[1:])
    Image.fromarray(GREY.astype(np.float32)).save(folder / "float.tif")
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    (folder / "folder.png").mkdir()
    return {
        "truncated.png": "truncated", "empty.png": "empty", "text.png": "not a PNG",
        "bomb.png": "more than 67,108,864 pixels", "tiny.png": "1 x 1", "animated.png": "2 frames",
        "pages.tif": "2 frames", "float.tif": "floating-point", "dangling.png": "dangling",
        "folder.png": "is a directory", "absent.png": "no such file",
    }  # fmt: skip
