import os
import subprocess
import sys

import embed_many
import pytest

from features.extract.cached import FLUSH_ROWS
from features.store.store import PART_ROWS

#: More than two parts: what allocators keep between the batches of a part comes once.
FEW = 2 * FLUSH_ROWS
#: 100,000 take some minutes and 1.6 GB of disk.
MANY = int(os.environ.get("DEFECTBENCH_MANY_IMAGES", "4000"))


def peak_of(count, folder):
    folder.mkdir()
    # One arena: what glibc keeps for each thread varies by tens of megabytes from run to run.
    env = {**os.environ, "PYTHONPATH": os.getcwd(), "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(
        [sys.executable, embed_many.__file__, str(folder), str(count)],
        capture_output=True, text=True, check=True, env=env,
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.deep
def test_peak_memory_does_not_grow_with_the_images(tmp_path):
    few = peak_of(FEW, tmp_path / "few")
    answer = (MANY - FEW) * embed_many.DIM * 4
    names = (MANY - FEW) * 500
    pixels = (MANY - FEW) * embed_many.SIDE**2
    # What is asked for has to be held: the matrix, as read and as returned, and a name per row.
    # From so many on, small parts are merged: as read, joined and on their way to the disk, once at a time.
    merged = 4 * PART_ROWS * embed_many.DIM * 4 if MANY >= PART_ROWS else 0
    allowed = 2 * answer + names + merged + 25e6
    assert allowed < pixels, "the test could not tell"
    # What allocators keep varies by tens of megabytes from run to run, beside other work above all.
    many = min(peak_of(MANY, tmp_path / f"many-{attempt}") for attempt in range(3))
    print(f"{few / 1e6:.0f} MB for {FEW:,} images, {many / 1e6:.0f} MB for {MANY:,}")
    assert many - few < allowed
