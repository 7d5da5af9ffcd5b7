import json
from collections import Counter

import pytest

from classifiers.cnn.darts import names, operations
from classifiers.cnn.darts.genotype import DARTS_V2, random_genotype, read_genotype
from features.errors import InputError


def changed(**changes):
    return json.dumps({**json.loads(DARTS_V2.to_json()), **changes})


def normal(*node):
    return [*json.loads(DARTS_V2.to_json())["normal"][:3], list(node)]


def test_a_genotype_is_readable_json_that_reads_back(tmp_path):
    path = tmp_path / "cell.json"
    path.write_text(DARTS_V2.to_json())
    assert read_genotype(path) == read_genotype(DARTS_V2.to_json()) == read_genotype("DARTS_V2") == DARTS_V2
    assert json.loads(path.read_text())["normal"][0] == [["sep_conv_3x3", 0], ["sep_conv_3x3", 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(version=2), "version 2; this program reads 1"),
        (changed(normal=normal(["conv_9x9", 0], ["skip_connect", 1])), "node 5: no operation 'conv_9x9'"),
        (changed(normal=normal(["none", 0], ["skip_connect", 1])), "node 5: no operation 'none'"),
        (changed(normal=normal(["skip_connect", 0])), "node 5: 1 edge; give two"),
        (changed(normal=normal(["skip_connect", 5], ["skip_connect", 1])), "node 5: input 5; give 0 to 4"),
        (changed(normal=normal(["skip_connect", -1], ["skip_connect", 1])), "node 5: input -1"),
        (changed(reduction=[]), "reduction cell: 0 nodes; a cell has 4"),
        (changed(normal=[["skip_connect"]] * 4), "an edge is \\[operation, input\\]"),
        (changed(normal=normal(["skip_connect", 1], ["none", 1])), "node 5: no operation 'none'"),
        (
            changed(normal=normal(["skip_connect", 1], ["max_pool_3x3", 1])),
            "both edges from input 1; give two",
        ),
        (changed(normal=normal(["skip_connect", 1.5], ["skip_connect", 1])), "an integer"),
        (changed(normal=normal(["skip_connect", True], ["skip_connect", 0])), "an integer"),
        (changed(normal=normal(["skip_connect", "1"], ["skip_connect", 0])), "an integer"),
        (changed(normal="DARTS_V2"), "give a list of 4 nodes"),
        (changed(normal=None), "give a list of 4 nodes"),
        (changed(normal={"2": []}), "give a list of 4 nodes"),
        (changed(name=3), "name 3: give a text"),
        (changed(version=True), "version True; this program reads 1"),
        ("[]", "needs version, normal and reduction"),
        ("{}", "needs version, normal and reduction"),
        ("{", "not valid JSON"),
    ],
)
def test_a_bad_genotype_is_one_line_that_names_the_file(text, message, tmp_path):
    path = tmp_path / "cell.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_genotype(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_an_unknown_genotype_names_the_shipped_ones():
    with pytest.raises(InputError, match="neither DARTS_V2 nor a JSON file that exists nor random:SEED"):
        read_genotype("nope.json")


def test_every_operation_has_a_name_that_genotypes_know():
    assert tuple(operations.OPERATIONS) == names.OPERATIONS


@pytest.mark.parametrize("source", ["", ".", "x" * 5000, "a\0b", "no/such/cell.json", "~nobody-here/x"])
def test_what_is_no_file_is_one_line(source):
    with pytest.raises(InputError, match="a JSON file that exists") as caught:
        read_genotype(source)
    assert "\n" not in str(caught.value)


def test_random_genotypes_are_drawn_uniformly_from_the_space():
    drawn = [read_genotype(f"random:{seed}") for seed in range(400)]
    assert drawn[3] == random_genotype(3) and drawn[3].name == "random:3"
    assert read_genotype(drawn[3].to_json()) == drawn[3]
    assert len({(one.normal, one.reduction) for one in drawn}) == 400
    edges = [edge for one in drawn for node in (*one.normal, *one.reduction) for edge in node]
    counts = Counter(operation for operation, _ in edges)
    assert len(counts) == 7 and min(counts.values()) > 0.9 * len(edges) / 7
    last = Counter(source for one in drawn for _, source in one.normal[3])
    assert len(last) == 5 and min(last.values()) > 0.8 * 800 / 5


@pytest.mark.parametrize("seed", ["", "x", "-1", "1.5"])
def test_a_random_genotype_needs_a_seed(seed):
    with pytest.raises(InputError, match="give a seed of digits, such as random:3"):
        read_genotype(f"random:{seed}")
