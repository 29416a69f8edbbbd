"""Building something large without looks for cycles."""

import gc

import pytest

from bgptui.runtime.uncollected import uncollected


def build_and_fail() -> None:
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise ValueError("halfway")


def test_nothing_is_collected_meanwhile_and_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="halfway"):
        build_and_fail()
    assert gc.isenabled()
