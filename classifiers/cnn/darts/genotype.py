"""Genotypes: the cells of a DARTS network as data."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.cnn.darts.names import NONE, OPERATIONS
from features.errors import InputError

VERSION = 1
NODES = 4
INPUTS = 2

Edge = tuple[str, int]
Cell = tuple[tuple[Edge, ...], ...]


@dataclass(frozen=True)
class Genotype:
    """The normal and the reduction cell of a network.

    A cell has two inputs, 0 and 1 (the outputs of the two cells before), and four nodes, 2 to 5. A node
    adds the outputs of its edges, each an operation on an earlier input or node. The output of the cell
    is its nodes, concatenated.

    Parameters
    ----------
    name : str
        Name in tables.
    normal, reduction : tuple of nodes
        Each node is a tuple of edges (operation, input). In the reduction cell, edges from the inputs of
        the cell have stride 2.

    Raises
    ------
    InputError
        For an unknown operation, another number of nodes, a node with other than two edges, or an edge
        from a node that does not come before.

    References
    ----------
    Liu, Simonyan and Yang, DARTS: differentiable architecture search, ICLR 2019.
    """

    name: str
    normal: Cell
    reduction: Cell

    def __post_init__(self) -> None:
        for kind in ("normal", "reduction"):
            _check_cell(f"genotype {self.name}, {kind} cell", getattr(self, kind))

    def to_json(self) -> str:
        """Return the genotype as JSON text, which `read_genotype` reads."""
        cells = {kind: [[list(edge) for edge in node] for node in getattr(self, kind)]
                 for kind in ("normal", "reduction")}  # fmt: skip
        return json.dumps({"format": "defectbench genotype", "version": VERSION, "name": self.name, **cells})


def read_genotype(source: str | Path) -> Genotype:
    """Return a shipped genotype, or read one from a JSON file or from JSON text.

    Parameters
    ----------
    source : str or Path
        A name of `GENOTYPES`, a path, or JSON text.

    Returns
    -------
    Genotype

    Raises
    ------
    InputError
        When there is no such genotype or file, or it does not describe two cells; the line names the
        source, the value and what is allowed.

    Examples
    --------
    >>> read_genotype("DARTS_V2").normal[0]
    (('sep_conv_3x3', 0), ('sep_conv_3x3', 1))
    """
    text = str(source)
    if text in GENOTYPES:
        return GENOTYPES[text]
    where = "genotype" if text.lstrip().startswith("{") else text
    if where == text:
        path = Path(text).expanduser()
        if not path.is_file():
            raise InputError(
                f"genotype {text!r}: neither {' nor '.join(GENOTYPES)} nor a JSON file that exists"
            )
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{where}: not a genotype (not UTF-8 text)") from None
    try:
        record = json.loads(text)
    except ValueError as error:
        raise InputError(f"{where}: not a genotype (not valid JSON: {error})") from None
    return _from_record(record, where)


def random_genotype(seed: int) -> Genotype:
    """Return a genotype drawn from the search space, the control of every search.

    Each node has two distinct inputs and two operations other than `none`, all drawn uniformly.

    Parameters
    ----------
    seed : int

    Examples
    --------
    >>> random_genotype(3) == random_genotype(3) != random_genotype(4)
    True

    References
    ----------
    Li and Talwalkar, Random search and reproducibility for neural architecture search, UAI 2019.
    """
    rng = np.random.default_rng(seed)
    names = [name for name in OPERATIONS if name != NONE]

    def node(number: int) -> tuple[Edge, ...]:
        sources = sorted(rng.choice(number, 2, replace=False).tolist())
        return tuple((names[rng.integers(len(names))], source) for source in sources)

    normal, reduction = (tuple(node(n) for n in range(INPUTS, INPUTS + NODES)) for _ in range(2))
    return Genotype(f"random:{seed}", normal, reduction)


def _from_record(record: Any, where: str) -> Genotype:
    if not isinstance(record, dict) or not {"version", "normal", "reduction"} <= set(record):
        raise InputError(f"{where}: not a genotype (needs version, normal and reduction)")
    if record["version"] != VERSION:
        raise InputError(f"{where}: genotype of version {record['version']!r}; this program reads {VERSION}")
    try:
        cells = {
            kind: tuple(tuple((str(name), int(source)) for name, source in node) for node in record[kind])
            for kind in ("normal", "reduction")
        }
    except (TypeError, ValueError):
        raise InputError(f"{where}: a node is a list of two edges, an edge [operation, input]") from None
    try:
        return Genotype(str(record.get("name", Path(where).stem)), **cells)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _check_cell(where: str, cell: Cell) -> None:
    if len(cell) != NODES:
        raise InputError(f"{where}: {len(cell)} nodes; a cell has {NODES}")
    for number, node in enumerate(cell, start=INPUTS):
        if len(node) != 2:
            raise InputError(f"{where}, node {number}: {len(node)} edge{'s' * (len(node) != 1)}; give two")
        for operation, source in node:
            if operation not in OPERATIONS or operation == NONE:
                known = ", ".join(name for name in OPERATIONS if name != NONE)
                raise InputError(f"{where}, node {number}: no operation {operation!r}; there are: {known}")
            if not 0 <= source < number:
                raise InputError(f"{where}, node {number}: input {source}; give 0 to {number - 1}")


#: The cells that the authors found on CIFAR-10 by second-order search and trained on ImageNet.
DARTS_V2 = Genotype(
    "DARTS_V2",
    normal=(
        (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
        (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
        (("sep_conv_3x3", 1), ("skip_connect", 0)),
        (("skip_connect", 0), ("dil_conv_3x3", 2)),
    ),
    reduction=(
        (("max_pool_3x3", 0), ("max_pool_3x3", 1)),
        (("skip_connect", 2), ("max_pool_3x3", 1)),
        (("max_pool_3x3", 0), ("skip_connect", 2)),
        (("skip_connect", 2), ("max_pool_3x3", 1)),
    ),
)
GENOTYPES = {DARTS_V2.name: DARTS_V2}
