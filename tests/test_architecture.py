"""The rules of the house: four arrows between packages, no import circle, small rooms and modules."""

import ast
import re
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import classifiers
from features import datasets
from features.backbones import registry as backbones
from results import checks, figures, metrics

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "classifiers", "features", "results")
ARROWS = {
    ("bench", "classifiers"),
    ("bench", "features"),
    ("bench", "results"),
    ("classifiers", "features"),
}
MOST_MODULES, MOST_LINES = 14, 400
#: Folders with one file per entry of a registry: they may hold as many modules as the registry has entries.
LEAVES = {
    "classifiers/classical": lambda: classifiers.names("classical"),
    "classifiers/cnn/networks": lambda: classifiers.names("cnn"),
    "features/backbones": backbones.names,
    "features/datasets": datasets.names,
    "results/checks": checks.codes,
    "results/figures": figures.names,
    "results/metrics": metrics.names,
}


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {dotted(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


def imports(path, modules):
    """Yield the modules of ours that a file imports: at its top, in functions, for types, or as a text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = re.findall(rf"^((?:{'|'.join(PACKAGES)})(?:\.\w+)+)(?::\w+)?$", node.value)
        else:
            continue
        for name in found:
            while name and name not in modules:
                name = name.rpartition(".")[0]
            if name and name != dotted(path):
                yield name


EDGES = {name: set(imports(path, FILES)) for name, path in FILES.items()}


def test_the_walk_sees_imports_of_every_kind(tmp_path):
    path = ROOT / "bench" / "made.py"
    texts = (
        "import features.errors",
        "from features.errors import InputError",
        "from features import errors",
        "def inside():\n    from features.errors import InputError",
        "if TYPE_CHECKING:\n    from features.errors import InputError",
        "lazy('features.errors:InputError')",
    )

    class File:
        def __init__(self, text):
            self.text = text

        def read_text(self, encoding):
            return self.text

        def __getattr__(self, name):
            return getattr(path, name)

    for text in texts:
        assert set(imports(File(text), FILES)) == {"features.errors"}, text


def test_imports_follow_the_four_arrows():
    wrong = [
        f"{name} imports {other}"
        for name, others in EDGES.items()
        for other in others
        if (arrow := (name.split(".")[0], other.split(".")[0])) not in ARROWS and arrow[0] != arrow[1]
    ]
    assert not wrong


def test_no_modules_import_one_another_in_a_circle():
    try:
        TopologicalSorter(EDGES).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_folder_holds_more_than_14_modules():
    count = Counter(
        path.parent.relative_to(ROOT).as_posix() for path in FILES.values() if path.name != "__init__.py"
    )
    allowed = {folder: max(MOST_MODULES, len(entries())) for folder, entries in LEAVES.items()}
    full = {folder: n for folder, n in count.items() if n > allowed.get(folder, MOST_MODULES)}
    assert not full
    assert set(LEAVES) <= set(count), "a registry's folder was moved"


def test_no_module_has_more_than_400_lines():
    files = [*FILES.values(), *(ROOT / "tests").rglob("*.py")]
    lines = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {path: n for path, n in lines.items() if n > MOST_LINES}
