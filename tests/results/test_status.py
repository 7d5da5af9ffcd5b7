import pytest

from results.status import Status


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("reason", ["", "no weights", "ValueError: a: b"])
def test_a_stored_status_reads_back(status, reason):
    assert Status.of(status.describe(reason)) == (status, reason)


def test_an_unknown_word_is_refused():
    with pytest.raises(ValueError, match="done"):
        Status.of("done: well")
