"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder shared/ beside the checkout: real BGP data and conformance vectors.

    Without it the test is skipped, unless BGPTUI_REQUIRE_SHARED=1 makes that a failure.
    """
    folder = PROJECT.parent / "shared"
    if not folder.is_dir():
        if os.environ.get("BGPTUI_REQUIRE_SHARED") == "1":
            pytest.fail("BGPTUI_REQUIRE_SHARED=1, but shared/ is missing beside the checkout")
        pytest.skip("needs shared/ (real BGP data) beside the checkout")
    return folder
