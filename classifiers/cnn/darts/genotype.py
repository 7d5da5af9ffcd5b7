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
#: Before the seed of a random genotype, where a name or a file is asked for.
RANDOM = "random:"

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
        For an unknown operation, another number of nodes, a node with other than two edges, an edge from
        a node that does not come before, or two edges from the same input.

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
    """Return a shipped or a random genotype, or read one from a JSON file or from JSON text.

    Parameters
    ----------
    source : str or Path
        A name of `GENOTYPES`, `random:SEED`, a path, or JSON text.

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
    if text.startswith(RANDOM):
        seed = text.removeprefix(RANDOM)
        if not (seed.isascii() and seed.isdigit()):
            raise InputError(f"genotype {text!r}: give a seed of digits, such as {RANDOM}3")
        return random_genotype(int(seed))
    where = "genotype" if text.lstrip().startswith("{") else text
    if where == text:
        try:
            text = Path(text).expanduser().read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{where}: not a genotype (not UTF-8 text)") from None
        except PermissionError as error:
            raise InputError(f"{where}: cannot be read ({error.strerror})") from None
        # RuntimeError: no such user in ~user. ValueError: a null character.
        except (OSError, RuntimeError, ValueError):
            raise InputError(
                f"genotype {text!r}: neither {' nor '.join(GENOTYPES)} nor a JSON file that exists "
                f"nor {RANDOM}SEED"
            ) from None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
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
    return Genotype(f"{RANDOM}{seed}", normal, reduction)


def _from_record(record: Any, where: str) -> Genotype:
    if not isinstance(record, dict) or not {"version", "normal", "reduction"} <= set(record):
        raise InputError(f"{where}: not a genotype (needs version, normal and reduction)")
    if record["version"] != VERSION or isinstance(record["version"], bool):
        raise InputError(f"{where}: genotype of version {record['version']!r}; this program reads {VERSION}")
    cells = {kind: _cell_from(record[kind], f"{where}: {kind} cell") for kind in ("normal", "reduction")}
    name = record.get("name", Path(where).stem)
    if not isinstance(name, str) or not name.strip() or "\n" in name:
        raise InputError(f"{where}: name {name!r}: give a text of one line")
    try:
        return Genotype(name, **cells)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _cell_from(record: Any, where: str) -> Cell:
    if not isinstance(record, list) or not all(isinstance(node, list) for node in record):
        raise InputError(f"{where}: give a list of {NODES} nodes, a node a list of two edges")
    for edge in (edge for node in record for edge in node):
        # True is an int in Python, and no input.
        if not (isinstance(edge, list) and [type(part) for part in edge] == [str, int]):
            raise InputError(f"{where}: edge {json.dumps(edge)}: an edge is [operation, input], an integer")
    return tuple(tuple((name, source) for name, source in node) for node in record)


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
        if node[0][1] == node[1][1]:
            raise InputError(f"{where}, node {number}: both edges from input {node[0][1]}; give two inputs")


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
