"""scikit-learn's own tests of its searches, with PathSearchCV in GridSearchCV's place.

The tests are those of the installed scikit-learn, so that a new release brings its own.
"""

import importlib.util
import sys
from unittest import mock

import joblib
import pytest
import sklearn.model_selection

from classifiers.search import PathSearchCV

NAME = "sklearn.model_selection.tests.test_search"
MARKS = pytest.mark
KNOWN = ("filterwarnings", "parametrize", "skip", "skipif", "usefixtures", "xfail")


class _Marks:
    """pytest's own marks; those that only scikit-learn's configuration knows do nothing."""

    def __getattr__(self, name):
        return getattr(MARKS, name) if name in KNOWN else _ignore


def _ignore(*args, **kwargs):
    return args[0] if len(args) == 1 and callable(args[0]) else lambda function: function


def _load():
    """Execute a copy of the module whose `GridSearchCV`, also in its parametrisations, is PathSearchCV."""
    spec = importlib.util.find_spec(NAME)
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    with (
        mock.patch.object(sklearn.model_selection, "GridSearchCV", PathSearchCV),
        mock.patch.object(pytest, "mark", _Marks()),
    ):
        spec.loader.exec_module(module)
    return module


def _is_run(name):
    """Leave out the checks of array API input, which scikit-learn skips without packages of their own."""
    return name.startswith("test_") and "array_api" not in name


_module = _load()
globals().update({name: value for name, value in vars(_module).items() if _is_run(name)})


@pytest.fixture(autouse=True)
def _threads():
    """Searches with `n_jobs=2` use threads: starting processes takes most of the time otherwise."""
    with joblib.parallel_config(backend="threading"):
        yield


def test_the_tests_are_of_path_search():
    assert _module.GridSearchCV is PathSearchCV
    assert sum(name.startswith("test_") for name in vars(_module)) > 90
