"""scikit-learn's own checks on every network, with tables turned into images."""

import functools
import warnings

import numpy as np
import pytest
from made import small_network
from sklearn.utils.estimator_checks import estimator_checks_generator

import classifiers

SIDE = 16
_NO_FLOATS = "images are uint8; the networks refuse every other type (test_other_arrays_are_refused)"
_ANY_SIZE = "networks take images of any size, so there is no number of features"
#: Checks that make no sense for image input, each with the reason.
NOT_FOR_IMAGES = {
    "check_array_api_input": "runs only where SCIPY_ARRAY_API is set; images are NumPy arrays",
    "check_complex_data": _NO_FLOATS,
    "check_dtype_object": _NO_FLOATS,
    "check_estimators_nan_inf": _NO_FLOATS,
    "check_estimators_empty_data_messages": "wants a message about features; that images have pixels is "
    "tested by test_other_arrays_are_refused",
    "check_fit2d_predict1d": "wants a message about features; a vector is refused by its shape",
    "check_n_features_in": _ANY_SIZE,
    "check_n_features_in_after_fitting": _ANY_SIZE,
    "check_sample_weight_equivalence_on_dense_data": "mini-batches are drawn by row, so a row of weight 2 "
    "and a row that occurs twice are trained in different batches",
    "check_sample_weight_equivalence_on_sparse_data": "sparse input is refused",
}
#: Checks that train nothing or next to nothing.
QUICK = {
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_estimators_unfitted",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_estimator_sparse_tag",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_classifiers_regression_target",
    "check_supervised_y_no_nan",
    "check_fit1d",
    "check_requires_y_none",
}
#: The network on which every check runs in the suite: the checks that train take seconds on it. On the
#: others they take up to minutes, and `tox -e deep` runs them.
FASTEST = "simple_cnn"


def as_images(X):
    """Turn a table (n, width) of numbers into images; leave everything else for the network to refuse."""
    table = np.asarray(X)
    if table.ndim != 2 or table.dtype.kind not in "fiu" or table.size == 0 or not np.isfinite(table).all():
        return X
    pixels = (128 + 32 * table.astype(float)).clip(0, 255).astype(np.uint8)
    columns = np.arange(SIDE) * table.shape[1] // SIDE
    return np.repeat(pixels[:, None, columns], SIDE, axis=1)


class OnTables:
    """A network that takes tables as scikit-learn's checks make them."""

    def fit(self, X, y, sample_weight=None):
        images = as_images(X)
        self.n_features_in_ = None if images is X else np.asarray(X).shape[1]
        return super().fit(images, y, sample_weight=sample_weight)

    def predict_proba(self, X):
        images = as_images(X)
        if images is not X and getattr(self, "n_features_in_", None) not in (None, np.asarray(X).shape[1]):
            raise ValueError("a table of another width")
        return super().predict_proba(images)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = True, False
        return tags


@functools.cache
def adapted_class(network):
    """Return the class of networks that take tables; pickling looks it up in its module."""
    adapted = type(f"{network.__name__}OnTables", (OnTables, network), {"__module__": __name__})
    globals()[adapted.__name__] = adapted
    return adapted


def on_tables(name):
    """Return a small network of the registry that takes tables."""
    adapted = adapted_class(type(classifiers.make_classifier(name)))
    settings = {**classifiers.get_spec(name).settings, **small_network(name)}
    settings |= {"size": SIDE, "epochs": 5, "learning_rate": 1e-2, "precision": "float32", "augment": "none"}
    # The epoch is chosen by an AUC without class weights, which the check of class weights is about.
    settings["keep_best"] = False
    return adapted(**settings)


def checks():
    """Give every pair of a network and a check; one network for each class and way of training."""
    seen = set()
    for name in classifiers.names("cnn"):
        make = classifiers.get_spec(name).make
        way = getattr(make, "target", make)
        if way in seen:
            continue
        seen.add(way)
        for estimator, check in estimator_checks_generator(on_tables(name)):
            title = getattr(check, "func", check).__name__
            if title not in NOT_FOR_IMAGES:
                deep = [pytest.mark.deep] if name != FASTEST and title not in QUICK else []
                yield pytest.param(estimator, check, id=f"{name}-{title}", marks=deep)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learn_accepts_every_network(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def test_the_checks_left_out_exist_and_fail_or_do_not_apply():
    found = {
        getattr(check, "func", check).__name__: check
        for _, check in estimator_checks_generator(on_tables("simple_cnn"))
    }
    # A check that scikit-learn yields for sparse input only is known by its name.
    from sklearn.utils import estimator_checks

    assert all(name in found or hasattr(estimator_checks, name) for name in NOT_FOR_IMAGES)
    assert set(found) >= QUICK
    assert all(reason for reason in NOT_FOR_IMAGES.values())
