"""Bounded, closable channels between worker threads."""

import threading
from collections import deque
from typing import Generic, TypeVar

from bgptui.errors import BgptuiError

T = TypeVar("T")


class ChannelClosed(BgptuiError):
    """`put` on a closed channel, or `get` on a closed and empty one."""


class Channel(Generic[T]):
    """A bounded first-in first-out queue of batches with one stop signal: `close`.

    Args:
        name: shown in health and metrics.
        capacity: batches, at least 1.
    """

    def __init__(self, name: str, *, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"channel {name}: capacity {capacity} is below 1")
        self.name = name
        self.capacity = capacity
        self._items: deque[T] = deque()
        self._closed = False
        self._lock = threading.Lock()
        self._not_empty = threading.Condition(self._lock)
        self._not_full = threading.Condition(self._lock)

    def put(self, item: T) -> None:
        """Append `item`; waits while the channel is full.

        Raises:
            ChannelClosed: also when it closes while waiting.
        """
        with self._not_full:
            while len(self._items) >= self.capacity and not self._closed:
                self._not_full.wait()
            if self._closed:
                raise ChannelClosed(f"channel {self.name} is closed")
            self._items.append(item)
            self._not_empty.notify()

    def offer(self, item: T) -> bool:
        """Append `item` if there is room now; False when the channel is full or closed.

        For what the next one supersedes (a health row): not taking it is no loss.
        """
        with self._lock:
            if self._closed or len(self._items) >= self.capacity:
                return False
            self._items.append(item)
            self._not_empty.notify()
            return True

    def get(self, timeout_s: float | None = None) -> T | None:
        """Take the oldest item; None when nothing came within `timeout_s`.

        Raises:
            ChannelClosed: closed, and everything that was put has been taken.
        """
        with self._not_empty:
            if not self._items and not self._closed:
                self._not_empty.wait_for(lambda: self._items or self._closed, timeout_s)
            if self._items:
                item = self._items.popleft()
                self._not_full.notify()
                return item
            if self._closed:
                raise ChannelClosed(f"channel {self.name} is closed")
            return None

    def close(self) -> None:
        """No more `put`; what is inside can still be taken. Closing twice is no error."""
        with self._lock:
            self._closed = True
            self._not_empty.notify_all()
            self._not_full.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    def __len__(self) -> int:
        return len(self._items)
