import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.pixels.arrays import load_images
from features.pixels.decode import decode_batches
from features.pixels.preprocess import examples, get_preprocess, otsu_threshold, with_bit_depth

HEIGHT, WIDTH = 267, 275


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(examples()),
    x=st.integers(0, WIDTH - 12),
    y=st.integers(0, HEIGHT - 12),
    w=st.integers(4, 90),
    h=st.integers(4, 90),
)
def test_boxes_move_as_the_pixels_do(name, x, y, w, h):
    """A white rectangle on a dark image is found where its box has moved to."""
    box = np.array([[x, y, min(x + w, WIDTH - 1), min(y + h, HEIGHT - 1)]], float)
    image = np.full((HEIGHT, WIDTH), 10, np.uint8)
    x1, y1, x2, y2 = box[0].astype(int)
    image[y1 : y2 + 1, x1 : x2 + 1] = 250
    preprocess = get_preprocess(name)
    out = preprocess(image)
    moved = preprocess.move_boxes(box, HEIGHT, WIDTH)[0]
    rows, columns = np.nonzero(out > 200)
    if np.isnan(moved).all():
        assert len(rows) == 0
    else:
        assert moved.tolist() == [columns.min(), rows.min(), columns.max(), rows.max()]


@pytest.mark.parametrize("name", examples())
def test_every_preprocessing_gives_uint8_in_grey_and_colour(name):
    preprocess = get_preprocess(name)
    grey = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    assert preprocess(grey).dtype == np.uint8
    colour = np.repeat(grey[:, :, None], 3, axis=2)
    assert preprocess(colour).shape == (*preprocess(grey).shape, 3)


def test_missing_boxes_stay_missing():
    assert np.isnan(get_preprocess("crop20").move_boxes(np.full((1, 4), np.nan), HEIGHT, WIDTH)).all()


def test_what_they_do_to_pixels():
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    assert get_preprocess("crop20")(ramp).shape == (216, 216)
    assert get_preprocess("centre200")(ramp).shape == (200, 200)
    black = get_preprocess("I:20:60")(ramp)
    assert black.shape == (216, 216) and set(black[0, :40]) == {0} and black[0, 40] == 60
    assert set(np.unique(get_preprocess("II")(ramp))) == {0, 255}
    assert (get_preprocess("II:100")(ramp)[0] == 0).sum() == 100


def test_otsu_parts_two_peaks():
    image = np.array([[20] * 50 + [22] * 50 + [200] * 30], np.uint8)
    assert 22 < otsu_threshold(image) <= 200
    assert get_preprocess("II")(np.full((9, 9), 77, np.uint8)).shape == (9, 9)


@pytest.mark.parametrize(
    "name", ["blur", "crop", "crop-3", "I:2", "III", "", "bits8", "bits17", "bits12+", "bits12+bits12"]
)
def test_unknown_names_are_listed(name):
    with pytest.raises(InputError, match="there are: none, crop20"):
        get_preprocess(name)


def test_a_crop_that_leaves_nothing_is_named():
    with pytest.raises(InputError, match="'crop200' leaves nothing of 275 x 267"):
        get_preprocess("crop200")(np.zeros((HEIGHT, WIDTH), np.uint8))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_crop_larger_than_an_image_names_the_file_once(write_image, workers):
    paths = [write_image(f"{side}.png", np.zeros((side, side), np.uint8)) for side in (50, 30, 60)]
    (batch,) = decode_batches(paths, preprocess="crop20", workers=workers)
    assert batch.problems == [(1, "preprocessing 'crop20' leaves nothing of 30 x 30 pixels")]
    assert sorted(batch.contents) == [0, 2]
    with pytest.raises(InputError) as caught:
        load_images(paths, size=16, preprocess="crop20", workers=workers)
    assert str(caught.value).count("30.png") == 1 and "\n" not in str(caught.value)


def test_bits_tell_the_decoder_and_what_follows_is_done_after(write_image):
    deep = np.tile(np.linspace(0, 4095, 64).astype(np.uint16), (64, 1))
    path = write_image("a.png", deep)
    (batch,) = decode_batches([path], preprocess="bits12+crop20")
    ((_, pixels),) = batch.stacks
    np.testing.assert_array_equal(pixels[0, 0], np.round(deep[20:44, 20:44] / 4095 * 255))
    assert with_bit_depth("bits10+crop20", 12) == "bits10+crop20"
    assert get_preprocess(with_bit_depth("none", 12)).bit_depth == 12
    assert get_preprocess("crop20").bit_depth is None
