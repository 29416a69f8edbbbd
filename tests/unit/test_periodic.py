"""Something is done again and again until it is stopped, and a failure is reported."""

import threading

from bgptui.runtime.periodic import Periodic
from bgptui.runtime.worker import Failure


def test_it_is_called_again_after_as_long_as_it_says() -> None:
    calls: list[int] = []
    thrice = threading.Event()

    def act() -> float:
        calls.append(1)
        if len(calls) == 3:
            thrice.set()
        return 0.001

    periodic = Periodic("count", act, failure=Failure())
    periodic.start()
    assert thrice.wait(30)
    periodic.stop()
    done = len(calls)
    assert done >= 3
    assert len(calls) == done


def test_what_it_raises_is_reported() -> None:
    failure, error = Failure(), ValueError("a bug")

    def act() -> float:
        raise error

    periodic = Periodic("fail", act, failure=failure)
    periodic.start()
    assert failure.happened.wait(30)
    periodic.stop()
    assert failure.error is error
