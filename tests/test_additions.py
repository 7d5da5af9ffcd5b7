"""Each kind of addition takes one file and one line in a registry: the examples of `tests/additions`.

They are registered in a copy of the packages and of the tests, where the tests of the registries must
cover them and a run must show them.
"""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Addition:
    """One example: where its file goes, and its line in the registry.

    `word` stands in the names of the tests that cover it; `examples` is where the examples go that its
    registry's tests ask for, where they ask for some.
    """

    file: str
    registry: str
    line: str
    after: str
    word: str
    examples: str = ""


ADDITIONS = {
    "dataset": Addition(
        "features/datasets/prefixed.py", "features/datasets/__init__.py", "prefixed.SPEC,", "chips.SPEC,",
        "prefixed",
    ),
    "metric": Addition(
        "results/metrics/matthews.py", "results/metrics/__init__.py", "matthews.MATTHEWS,",
        "probability.CALIBRATION_ERROR,", "matthews",
    ),
    "classifier": Addition(
        "classifiers/classical/naive_bayes.py", "classifiers/registry.py", "naive_bayes.SPEC,", "xgb.SPEC,",
        "bayes",
    ),
    "network": Addition(
        "classifiers/cnn/networks/coarse.py", "classifiers/registry.py",
        'network("coarse:CoarseNetwork", "coarse", "Coarse network", "one dense layer on coarse pixels"),',
        "naive_bayes.SPEC,", "coarse",
    ),
    "figure": Addition(
        "results/figures/called_defective.py", "results/figures/__init__.py", "called_defective.FIGURE,",
        "pareto.FIGURE,", "called_defective",
    ),
    "check": Addition(
        "results/checks/few_hundred_images.py", "results/checks/__init__.py", "few_hundred_images.CHECK,",
        "embeddings_degenerate.CHECK,", "DB299", "tests/results/checks/examples/db299.py",
    ),
    "job_kind": Addition(
        "bench/jobs/centre.py", "bench/jobs/registry.py", "CentreJob,", "AuditJob,", "centre",
    ),
}  # fmt: skip
#: The tests of the registries.
CONFORMANCE = (
    "tests/features/datasets/test_datasets.py",
    "tests/results/metrics",
    "tests/results/figures",
    "tests/results/checks",
    "tests/classifiers/test_registry.py",
    "tests/classifiers/test_saving.py",
    "tests/classifiers/cnn",
    "tests/bench/jobs",
    "tests/test_architecture.py",
)


def add(addition, example, root):
    """Copy the file to its place, write its line, and import it where the registry is not told by text."""
    shutil.copy(example, root / addition.file)
    registry = root / addition.registry
    text = registry.read_text(encoding="utf-8")
    before, found, rest = text.partition(f"        {addition.after}\n")
    assert found, f"{addition.registry} has no line {addition.after!r} any more"
    text = f"{before}{found}        {addition.line}\n{rest}"
    name = addition.line.partition(".")[0].rstrip(",")
    if name.isidentifier():
        module = addition.file.removesuffix(".py").replace("/", ".")
        package, _, last = module.rpartition(".")
        line = f"from {package} import {name}" if name == last else f"from {module} import {name}"
        text = re.sub(r"^(?=from (?!__future__|typing|collections))", f"{line}\n", text, count=1, flags=re.M)
    registry.write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """A copy of the packages and the tests in which all examples are registered."""
    root = tmp_path_factory.mktemp("tree")
    for name in ("bench", "classifiers", "features", "results", "tests"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tox.ini", ".ci"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    for name, addition in ADDITIONS.items():
        add(addition, ROOT / "tests" / "additions" / f"{name}.py", root)
        if addition.examples:
            shutil.copy(ROOT / "tests" / "additions" / "examples" / f"{name}.py", root / addition.examples)
    return root


@pytest.fixture(scope="session")
def call(tree):
    """Run a Python module in the tree; return what it printed."""
    env = {**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "400", "DEFECTBENCH_CACHE": str(tree / "cache")}
    env.pop("PYTEST_ADDOPTS", None)

    def run(*arguments):
        command = [sys.executable, "-m", *map(str, arguments)]
        return subprocess.run(command, env=env, cwd=tree, capture_output=True, text=True)

    return run


@pytest.fixture(scope="session")
def outcomes(tree, call):
    """Name of each test of the registries that covers an example to its failure, None where it passed."""
    words = " or ".join(addition.word for addition in ADDITIONS.values())
    done = call("pytest", "-n", "0", "-p", "no:cacheprovider", "--junitxml=tests.xml",
                "-k", f"{words} or test_architecture", *CONFORMANCE)  # fmt: skip
    assert (tree / "tests.xml").is_file(), done.stdout + done.stderr
    found = {}
    for case in ElementTree.parse(tree / "tests.xml").iter("testcase"):
        wrong = [*case.iter("failure"), *case.iter("error"), *case.iter("skipped")]
        found[f"{case.get('classname')}::{case.get('name')}"] = wrong[0].text if wrong else None
    return found


@pytest.fixture(scope="session")
def made(tree, call):
    """What a run of the examples printed, and its folder."""
    code = "from features import datasets; datasets.get_spec('prefixed').write_example(Path('images'), 0)"
    (tree / "write.py").write_text(f"from pathlib import Path\n{code}\n")
    assert call("write").returncode == 0
    (tree / "toys.toml").write_text(
        'n_jobs = 1\n[features]\nweights = ["random"]\nsize = 32\nfine_tuned = []\nprojections = false\n'
        '[classical]\nfolds = 2\n[cnn]\nweights = "random"\nparams = { epochs = 2 }\n'
    )
    done = call("bench", "run", "toys.toml", "--dataset", "prefixed", "--root", "images",
                "--defect-prefix", "ng", "--models", "bayes,coarse", "--name", "toys")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, tree / "runs" / "toys"


@pytest.mark.parametrize("name", ADDITIONS)
def test_the_tests_of_the_registries_cover_an_addition(name, outcomes):
    covering = {test: failure for test, failure in outcomes.items() if ADDITIONS[name].word in test}
    assert covering, f"no test covers {name}"
    failed = {test: failure for test, failure in covering.items() if failure is not None}
    assert not failed, "\n".join(f"{test}: {failure}" for test, failure in failed.items())


def test_additions_keep_the_rules_of_the_house(outcomes):
    rules = {test: failure for test, failure in outcomes.items() if "test_architecture" in test}
    assert len(rules) >= 5 and set(rules.values()) == {None}


def test_there_is_an_example_of_every_kind_of_addition():
    assert {path.stem for path in (ROOT / "tests" / "additions").glob("*.py")} == set(ADDITIONS)


def test_a_run_has_the_models_and_the_metric(made):
    _, run = made
    board = pd.read_csv(run / "tables" / "leaderboard.csv", keep_default_na=False)
    assert {"Naive Bayes", "Coarse network"} <= set(board["model"])
    assert pd.to_numeric(board["matthews"]).between(-1, 1).all()


def test_every_table_and_the_report_show_the_metric(made):
    printed, run = made
    assert "Matthews" in printed
    assert "Matthews" in (run / "tables" / "leaderboard.md").read_text(encoding="utf-8")
    assert "Matthews" in (run / "report.html").read_text(encoding="utf-8")


def test_the_run_and_its_report_have_the_figure(made):
    _, run = made
    for suffix in ("png", "svg"):
        assert (run / "figures" / f"called_defective.{suffix}").stat().st_size > 1000
    assert "Share called defective" in (run / "report.html").read_text(encoding="utf-8")


def test_the_run_and_its_report_have_the_finding_of_the_check(made):
    printed, run = made
    found = pd.read_csv(run / "tables" / "checks.csv").set_index("code")
    assert found.loc["DB299", "finding"].startswith("the test split has ")
    assert "DB299 few hundred images" in (run / "report.html").read_text(encoding="utf-8")
    assert "DB299 (few hundred images)" in printed


def test_a_run_does_the_jobs_of_the_new_kind(made):
    _, run = made
    (path,) = (run / "tables").glob("centre-*.parquet")
    assert set(pd.read_parquet(path)["split"]) == {"train", "valid", "test"}


def test_the_option_of_the_dataset_decides(made):
    _, run = made
    labels = pd.read_parquet(run / "split.parquet")["label"]
    assert labels.value_counts().to_dict() == {"good": 40, "defect": 20}


def test_the_command_line_lists_the_additions(call):
    assert {"bayes", "coarse"} <= set(call("bench", "models").stdout.split())
    listed = call("bench", "datasets").stdout
    assert "prefixed" in listed and "--defect-prefix" in listed
    assert "--defect-prefix" in call("bench", "run", "--help").stdout
