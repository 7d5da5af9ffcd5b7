"""Which files below a folder are images, and what they are called."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from features.errors import InputError
from features.pixels.find import find_images
from features.pixels.listing import image_ids, is_hidden, list_files, list_images, select

GREY = np.random.default_rng(0).integers(0, 256, (12, 12), dtype=np.uint8)


@pytest.mark.parametrize(
    "name",
    [
        ".ipynb_checkpoints/a.png", "__MACOSX/a.png", "__MACOSX/._a.png", "._a.png", ".DS_Store", "Thumbs.db",
        "thumbs.db", "desktop.ini", "Desktop.ini", "@eaDir/a.png/SYNO_THUMB.jpg", ".hidden.png", "~$a.png",
        "$RECYCLE.BIN/a.png", "#recycle/a.png", "sub/.thumbnails/a.jpg", ".git/a.png", "lost+found/a.png",
        "@__thumb/a.png", "System Volume Information/a.png", "Icon\r", ".AppleDouble/a.png",
    ],
)  # fmt: skip
def test_hidden_and_system_files_are_not_images(write_image, tmp_path, name):
    write_image("root/good/a.png", GREY)
    path = tmp_path / "root/good" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((tmp_path / "root/good/a.png").read_bytes())
    files = list_files(tmp_path / "root")
    assert (files.images, files.others, files.problems) == (("good/a.png",), (), ())


def test_ordinary_names_are_not_hidden():
    assert not any(map(is_hidden, ("a.png", "good", "recycle", "part #3.png", "@part.png", "thumbs")))


def test_a_root_in_a_hidden_folder_is_read(write_image, tmp_path):
    write_image(".data/good/a.png", GREY)
    assert list_files(tmp_path / ".data").images == ("good/a.png",)


def test_linked_folders_are_followed(write_image, tmp_path):
    write_image("root/good/a.png", GREY)
    write_image("elsewhere/deep/b.png", GREY)
    os.symlink(tmp_path / "elsewhere", tmp_path / "root/good/batch2")
    os.symlink(tmp_path / "elsewhere/deep", tmp_path / "root/bad")
    files = list_files(tmp_path / "root")
    # Each folder is read once: `deep` is read as `bad`, and named where it turns up again.
    assert files.images == ("bad/b.png", "good/a.png")
    assert files.folders == ("bad", "good")
    assert [path for path, _ in files.problems] == ["good/batch2/deep"]
    assert "bad, which is read already" in files.problems[0][1]


def test_linked_files_are_images(write_image, tmp_path):
    write_image("elsewhere/b.png", GREY)
    (tmp_path / "root").mkdir()
    os.symlink(tmp_path / "elsewhere/b.png", tmp_path / "root/c.png")
    assert list_files(tmp_path / "root").images == ("c.png",)


@pytest.mark.parametrize("target", ["root", "root/good", ".", "root/good/sub", "root/bad"])
def test_loops_and_folders_read_already_are_named_not_read_twice(write_image, tmp_path, target):
    for name in ("good/a.png", "good/sub/b.png", "bad/c.png"):
        write_image(f"root/{name}", GREY)
    os.symlink(tmp_path / target, tmp_path / "root/good/sub/link")
    files = list_files(tmp_path / "root")
    assert files.images == ("bad/c.png", "good/a.png", "good/sub/b.png")
    ((path, reason),) = files.problems
    assert path == "good/sub/link" and ("read already" in reason or "holds this folder" in reason)


def test_dangling_links_pipes_and_odd_names_are_named(write_image, tmp_path):
    write_image("root/a.png", GREY)
    os.symlink(tmp_path / "nowhere", tmp_path / "root/gone")
    os.symlink(tmp_path / "nowhere.png", tmp_path / "root/gone.png")
    os.mkfifo(tmp_path / "root/pipe.png")
    Path(os.fsdecode(os.fsencode(tmp_path / "root") + b"/\xff\xfe.png")).write_bytes(b"x")
    files = list_files(tmp_path / "root")
    assert files.images == ("a.png",)
    assert dict(files.problems) == {
        "gone": "dangling link", "gone.png": "dangling link", "pipe.png": "not a regular file",
        "\\xff\\xfe.png": "name is not valid UTF-8; rename it",
    }  # fmt: skip


def test_unreadable_folders_are_named(write_image, tmp_path, monkeypatch):
    write_image("root/good/a.png", GREY)
    write_image("root/locked/b.png", GREY)
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("features.pixels.listing.os.scandir", refuse)
    files = list_files(tmp_path / "root")
    assert files.images == ("good/a.png",)
    assert files.problems == (("locked", "folder cannot be read (permission denied)"),)
    with pytest.raises(InputError, match=r"locked: folder cannot be read \(permission denied\)"):
        list_files(tmp_path / "root/locked")


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such directory"):
        list_files(tmp_path / "nowhere")
    with pytest.raises(InputError, match="nowhere: no such file or directory"):
        find_images(tmp_path / "nowhere")


def test_list_images_sorts_by_the_parts_of_the_path(write_image, tmp_path):
    for name in ("a/2.png", "a.png", "a/10.PNG", "b/1.jfif", "a-b/0.png"):
        write_image(f"r/{name}", GREY, format="PNG")
    (tmp_path / "r/notes.txt").write_text("x")
    images, others = list_images(tmp_path / "r")
    assert images == sorted(images) and len(images) == 5
    assert [path.name for path in others] == ["notes.txt"]


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["a.png", "a.jpg", "a.png.jpg"], ["a.png", "a.jpg", "a.png.jpg"]),
        (["a.png", "a.png.png", "a.png.png.png"], ["a", "a.png", "a.png.png"]),
        (["g/a.png", "b/a.png"], ["g/a", "b/a"]),
        (["a.b.png", "a.c.png"], ["a.b", "a.c"]),
        (["007.png", "NA.png", "null.png", "1e5.png"], ["007", "NA", "null", "1e5"]),
        (["a.png", "a.PNG"], ["a.png", "a.PNG"]),
    ],
)
def test_ids_are_as_unique_as_the_files(names, ids):
    assert image_ids(names) == ids


def test_ids_are_in_composed_characters_and_stay_unique():
    nfd = unicodedata.normalize("NFD", "größe.png")
    assert image_ids([nfd]) == ["größe"]
    both = image_ids([nfd, "größe.png"])
    assert len(set(both)) == 2


def test_patterns_take_and_leave_out():
    paths = ["good/a.JPG", "good/a.png", "good/old/b.jpg", "bad/c.jpg", "bad/masks/c.png"]
    assert select(paths, ["*.jpg"], None)[0] == ["good/a.JPG", "good/old/b.jpg", "bad/c.jpg"]
    assert select(paths, None, ["masks"])[1] == ["bad/masks/c.png"]
    assert select(paths, None, ["**/masks/**"])[1] == ["bad/masks/c.png"]
    assert select(paths, ["good/*"], ["old/"])[0] == ["good/a.JPG", "good/a.png", "good/old/b.jpg"]
    assert select(paths, ["good/*"], ["good/old/"])[0] == ["good/a.JPG", "good/a.png"]
    assert select(paths, ["good/*.jpg", "bad/c*"], None)[0] == ["good/a.JPG", "good/old/b.jpg", "bad/c.jpg"]
    assert select(paths, None, None) == (paths, [])


def test_predict_finds_images_as_datasets_do(write_image, tmp_path):
    for name in ("a/part1.jpg", "b/part1.jpg", ".cache/part1.jpg"):
        write_image(f"r/{name}", GREY)
    (tmp_path / "r/readme.txt").write_text("x")
    found = find_images(tmp_path / "r")
    assert found.ids == ("a/part1", "b/part1") and found.relative == ("a/part1.jpg", "b/part1.jpg")
    assert [Path(path).is_file() for path in found.paths] == [True, True]
    assert [path for path, _ in found.others] == ["readme.txt"] and not found.problems
    one = find_images(tmp_path / "r/a/part1.jpg")
    assert one.ids == ("part1",) and one.paths == [str(tmp_path / "r/a/part1.jpg")]
