import os
import subprocess
import sys

import embed_many

from features.store.store import PART_ROWS

FEW = 500
#: 100,000 take some minutes and 1.6 GB of disk.
MANY = int(os.environ.get("DEFECTBENCH_MANY_IMAGES", "4000"))


def peak_of(count, folder):
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, embed_many.__file__, str(folder), str(count)],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    return int(done.stdout)


def test_peak_memory_does_not_grow_with_the_images(tmp_path):
    few, many = peak_of(FEW, tmp_path / "few"), peak_of(MANY, tmp_path / "many")
    answer = (MANY - FEW) * embed_many.DIM * 4
    names = (MANY - FEW) * 500
    pixels = (MANY - FEW) * embed_many.SIDE**2
    # What is asked for has to be held: the matrix, as read and as returned, and a name a row.
    # From so many on, small parts are merged: as read, joined and on their way to the disk, once at a time.
    merged = 4 * PART_ROWS * embed_many.DIM * 4 if MANY >= PART_ROWS else 0
    allowed = 2 * answer + names + merged + 25e6
    assert allowed < pixels, "the test could not tell"
    print(f"{few / 1e6:.0f} MB for {FEW:,} images, {many / 1e6:.0f} MB for {MANY:,}")
    assert many - few < allowed
