"""Which classes of a folder are defective: names as people give them."""

import pickle
import unicodedata
from pathlib import Path

import pytest

from features.datasets.folder import choose_positive
from features.errors import InputError, UnknownPositive

ROOT = Path("parts")


@pytest.mark.parametrize(
    ("classes", "positive", "negative", "defective"),
    [
        (["chip", "good", "lead"], "chip, lead", None, ("chip", "lead")),
        (["chip", "good", "lead"], "lead,chip", None, ("lead", "chip")),
        (["chip", "good", "lead"], ("chip", "lead"), None, ("chip", "lead")),
        (["chip", "good", "lead"], ["lead"], None, ("lead",)),
        (["chip", "good", "lead"], None, "good", ("chip", "lead")),
        (["chip", "fine", "good", "lead"], None, "good,fine", ("chip", "lead")),
        (["chip", "fine", "good", "lead"], None, ("good", "fine"), ("chip", "lead")),
        (["chip", "good"], "chip", "good", ("chip",)),
        (["a", "a,b", "b", "good"], "a,b", None, ("a,b",)),
        (["a", "a,b", "b", "good"], ("a,b", "b"), None, ("a,b", "b")),
        (["scratch, deep", "good"], "scratch, deep", None, ("scratch, deep",)),
        (["ok, clean", "scratch"], None, "ok, clean", ("scratch",)),
        (["bad ", "good"], "bad ", None, ("bad ",)),
        (["bad ", "good"], "bad", None, ("bad ",)),
        (["bad", "bad ", "good"], "bad ", None, ("bad ",)),
        (["bad", "bad ", "good"], "bad", None, ("bad",)),
        (["bad", "good"], " bad ", None, ("bad",)),
        (["good", unicodedata.normalize("NFD", "Riß größer")], "Riß größer", None,
         (unicodedata.normalize("NFD", "Riß größer"),)),
        (["good", "裂纹"], "裂纹", None, ("裂纹",)),
        (["good", "NG"], None, None, ("NG",)),
        (["good", "bad "], None, None, ("bad ",)),
        (["0", "1"], None, None, ("1",)),
        (["a", "b"], "a,a", None, ("a",)),
    ],
)  # fmt: skip
def test_defective_classes(classes, positive, negative, defective):
    assert choose_positive(classes, positive, ROOT, negative) == defective


@pytest.mark.parametrize(
    ("positive", "negative", "message"),
    [
        (None, None, "parts: which class is defective.*--positive.*--negative.*out of: chip, good, lead"),
        ("dent", None, "no class 'dent'; there are: chip, good, lead"),
        (("chip,lead",), None, "no class 'chip,lead'; .*repeat the option"),
        (None, "fine", "no class 'fine'"),
        ("chip", "chip,good", "'chip' is named by both"),
        ("chip", "good", "'lead' is named by neither"),
        (None, "chip,good,lead", "--negative names every class"),
    ],
)
def test_what_cannot_be_decided_is_one_line_with_the_classes(positive, negative, message):
    with pytest.raises(UnknownPositive, match=message) as caught:
        choose_positive(["chip", "good", "lead"], positive, ROOT, negative)
    assert caught.value.classes == ("chip", "good", "lead") and "\n" not in str(caught.value)
    assert isinstance(caught.value, InputError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value) and again.classes == caught.value.classes
