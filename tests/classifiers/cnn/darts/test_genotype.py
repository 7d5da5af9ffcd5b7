import json

import pytest

from classifiers.cnn.darts import names, operations
from classifiers.cnn.darts.genotype import DARTS_V2, read_genotype
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
        (changed(normal=[["skip_connect"]] * 4), "an edge \\[operation, input\\]"),
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
    with pytest.raises(InputError, match="neither DARTS_V2 nor a JSON file that exists"):
        read_genotype("nope.json")


def test_every_operation_has_a_name_that_genotypes_know():
    assert tuple(operations.OPERATIONS) == names.OPERATIONS
