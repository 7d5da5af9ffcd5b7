import numpy as np
import pandas as pd
import pytest
from PIL import Image
from surfaces import write_surfaces

from bench.cli.app import run_app


def test_chips_are_made_and_checked(tmp_path, capsys):
    out = tmp_path / "chips"
    assert run_app(["data", "make", "chips", "--n", "30", "--out", str(out), "--layout", "first"]) == 0
    assert len(list(out.rglob("*.jpg"))) == 30
    assert run_app(["data", "check", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "dataset nexperia" in shown and "sound:" in shown and "275" in shown


def test_making_into_a_full_folder_is_one_line(tmp_path, capsys):
    (tmp_path / "x").write_text("")
    assert run_app(["data", "make", "chips", "--n", "3", "--out", str(tmp_path)]) == 2
    assert "holds something already" in capsys.readouterr().err


def test_check_exits_non_zero_for_what_must_be_mended(parts, tmp_path, capsys):
    (tmp_path / "parts" / "good" / "bad.png").write_bytes(b"junk")
    first = tmp_path / "parts" / "good" / "part_000.png"
    (tmp_path / "parts" / "scratch" / "copy.png").write_bytes(first.read_bytes())
    assert run_app(["data", "check", parts["root"]]) == 1
    shown = capsys.readouterr().out
    assert "1 unreadable files" in shown and "bad.png: not a PNG" in shown
    assert "1 LEAKS" in shown and "copy.png" in shown


def test_check_warns_of_parts_photographed_several_times_and_names_the_flag(tmp_path, capsys):
    write_surfaces(tmp_path / "in", parts=40, name="part{part}_{view}.png")
    assert run_app(["data", "check", str(tmp_path / "in"), "--positive", "blow"]) == 0
    shown = capsys.readouterr()
    assert "part(\\d+)' --split group" in shown.err and "sound:" not in shown.out
    assert "cross-validated AUC of" in shown.err


def test_check_writes_the_sets_of_near_copies_that_no_name_tells(tmp_path, capsys):
    write_surfaces(tmp_path / "in", parts=40, name="{code}.png")
    groups = tmp_path / "groups.csv"
    command = ["data", "check", str(tmp_path / "in"), "--positive", "blow"]
    assert run_app([*command, "--write-groups", str(groups)]) == 0
    assert f"--group {groups} --split group" in capsys.readouterr().err
    assert run_app([*command, "--group", str(groups)]) == 0
    assert f"--group {groups}:" in "".join(capsys.readouterr())


def test_check_of_a_missing_folder(capsys):
    assert run_app(["data", "check", "nowhere"]) == 2
    assert "nowhere: no such directory" in capsys.readouterr().err


def test_the_sheet_is_a_picture(tmp_path):
    assert run_app(["data", "make", "sheet", "--out", str(tmp_path / "s.png")]) == 0
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.size == (4 * 281, 4 * 273)


CONFIG = """
name = "tiny"
[features]
weights = ["random"]
size = 32
fine_tuned = []
projections = false
[classical]
models = ["lda", "svm"]
folds = 3
[cnn]
models = ["cnn2"]
weights = "random"
params = { epochs = 2, size = 32, batch_size = 16 }
"""


@pytest.fixture
def chips_run(tmp_path, monkeypatch, capsys):
    """A run on 80 generated chips in Nexperia's second layout; nothing is drawn at its end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.outputs.report.draw_report", lambda folder: None)
    (tmp_path / "tiny.toml").write_text(CONFIG)
    assert run_app(["data", "make", "chips", "--n", "80", "--out", "chips"]) == 0

    def run(*extra):
        options = ["--dataset", "nexperia", "--root", "chips", "--name", "tiny", "--jobs", "1"]
        return run_app(["run", "tiny.toml", *options, *extra])

    return run


def test_a_submission_has_the_contest_columns_and_order(chips_run):
    assert chips_run("--models", "svm,cnn2") == 0
    sample = pd.read_csv("chips/submission_sample.csv")
    for model in ("best", "fit-svm-resnet18-random", "cnn2"):
        arguments = ["predict", "runs/tiny", "--images", "chips/test/test_contest", "--model", model]
        assert run_app([*arguments, "--out", "s.csv"]) == 0
        mine = pd.read_csv("s.csv")
        assert mine.columns.tolist() == ["id", "defect_score"]
        assert mine["id"].tolist() == sample["id"].tolist()
        assert mine["defect_score"].between(0, 1).all() and mine["defect_score"].nunique() > 1
        assert run_app([*arguments, "--positive", "good", "--layout", "first", "--out", "g.csv"]) == 0
        good = pd.read_csv("g.csv")
        assert good.columns.tolist() == ["id", "label"]
        assert (good["label"] + mine["defect_score"]).between(1 - 1e-5, 1 + 1e-5).all()


def test_what_cannot_be_predicted_is_named(chips_run, tmp_path, capsys):
    assert chips_run("--models", "lda") == 0
    base = ["predict", "runs/tiny", "--out", "s.csv"]
    capsys.readouterr()
    assert run_app([*base, "--images", "nowhere"]) == 2
    assert "nowhere: no such directory of images" in capsys.readouterr().err
    assert run_app([*base, "--images", "chips/test", "--model", "xgb"]) == 2
    assert "no model 'xgb'; give best or one of: fit-lda-resnet18-random" in capsys.readouterr().err
    (tmp_path / "sample.csv").write_text("id,label\nabsent,0\n")
    assert run_app([*base, "--images", "chips/test", "--sample", "sample.csv"]) == 2
    assert "1 ids have no image" in capsys.readouterr().err
    assert not (tmp_path / "s.csv").exists()
    broken = next((tmp_path / "chips/test/test_contest").iterdir())
    broken.write_bytes(b"junk")
    assert run_app([*base, "--images", "chips/test"]) == 0
    assert f"not scored: {broken.relative_to(tmp_path)}" in capsys.readouterr().err
    ids = pd.read_csv("chips/submission_sample.csv")["id"].tolist()
    assert pd.read_csv("s.csv")["id"].tolist() == [name for name in ids if name != broken.stem]


def test_preprocessings_and_samplings_are_swept(chips_run, tmp_path):
    assert chips_run("--models", "lda,cnn2", "--preprocess", "none,II", "--sampling", "20B,balanced") == 0
    table = pd.read_csv("runs/tiny/tables/leaderboard.csv")
    assert (table["status"] == "ok").all()
    networks = table[table["features"] == "end-to-end"]
    assert sorted(zip(networks["preprocess"], networks["sampling"], strict=True)) == [
        ("II", "20B"), ("II", "balanced"), ("none", "20B"), ("none", "balanced"),
    ]  # fmt: skip
    frozen = table[table["features"] == "resnet18"]
    assert sorted(zip(frozen["preprocess"], frozen["sampling"], strict=True)) == [
        ("II", "all"), ("II", "balanced"), ("none", "all"), ("none", "balanced"),
    ]  # fmt: skip
    by_preprocess = frozen[frozen["sampling"] == "all"].set_index("preprocess")["roc_auc"]
    assert by_preprocess["none"] != by_preprocess["II"]
    markdown = (tmp_path / "runs/tiny/tables/leaderboard.md").read_text()
    assert "Preprocess" in markdown.splitlines()[0] and "Sampling" in markdown.splitlines()[0]


@pytest.mark.parametrize(
    ("option", "message"),
    [(["--sampling", "12X"], "such as 2000B"), (["--preprocess", "blur"], "no preprocessing 'blur'")],
)
def test_unknown_sweeps_are_named(chips_run, option, message, capsys):
    assert chips_run(*option) == 2
    assert message in capsys.readouterr().err


def test_check_takes_classes_and_shows_every_one(tmp_path, write_image, capsys):
    rng = np.random.default_rng(0)
    for index, name in enumerate(["[v2]", "fine", "good", "lr$x^{$"] * 5):
        write_image(f"root/{name}/{index}.png", rng.integers(0, 255, (9 + index, 9, 3), np.uint8))
    (tmp_path / "root" / "empty").mkdir()
    root = str(tmp_path / "root")
    assert run_app(["data", "check", root]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("[v2]", "fine", "good", "lr$x^{$", "empty"))
    assert "no class is named as defective" in shown and "True" not in shown
    assert "sizes: 20 different ones, width 9 to 9, height 9 to 28 pixels" in shown
    assert len([line for line in shown.splitlines() if "sizes" in line]) == 1 and len(shown.splitlines()) < 20
    assert run_app(["data", "check", root, "--positive", "[v2]", "--positive", "lr$x^{$"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("True") == 2 and "no class is named" not in shown
    assert run_app(["data", "check", root, "--negative", "good", "--negative", "fine"]) == 0
    assert capsys.readouterr().out.count("True") == 3
    assert run_app(["data", "check", root, "--positive", "dent"]) == 2
    assert "no class 'dent'; there are: [v2], empty, fine, good, lr$x^{$" in capsys.readouterr().err


def test_checking_warns_of_12_bit_data_in_16_bit_files_until_the_depth_is_given(tmp_path, capsys):
    values = np.linspace(0, 4095, 24 * 24).reshape(24, 24).astype(np.uint16)
    for number, label in enumerate(("good", "defect") * 2):
        (tmp_path / label).mkdir(exist_ok=True)
        Image.fromarray(np.roll(values, number, axis=0)).save(tmp_path / label / f"{number}.png")
    command = ["data", "check", str(tmp_path), "--positive", "defect"]
    run_app(command)
    assert "look like 12-bit data" in " ".join(capsys.readouterr().out.split())
    run_app([*command, "--bit-depth", "12"])
    assert "12-bit" not in capsys.readouterr().out
