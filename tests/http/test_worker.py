"""What a caller is told of an error that gunicorn meets; over a socket: `test_gunicorn`."""

from __future__ import annotations

import pytest
from gunicorn.config import Config
from gunicorn.http import errors

from router.http.worker import meaning


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidHeader("x"), 400),
        (errors.InvalidResponseHeader("x"), 500),
        (errors.InvalidHeaderName("x"), 400),
        (errors.InvalidResponseHeaderName("x"), 500),
        (errors.ConfigurationProblem("x"), 500),
        (RuntimeError("x"), 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_whose_fault_it_is(error, status):
    assert meaning(error, Config()).status == status
