"""The queue for the hashing threads: short, and fair between networks.

One network that asks for a hundred hashes at once must not keep out the others
(ASVS 5.0 V2.4.1; CWE-400, CWE-770). So the queue serves networks in turn (round robin),
and no network may have more than a quarter of the places. When all places are taken, a
network that has fewer of them takes one from the network that has the most.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

from authingo.errors import Busy

PLACES = 10  # for each thread; at a quarter of a second per hash, the last waits less than PATIENCE
PATIENCE = 3.0  # seconds in the queue
_SHARE = 4  # one network may have a quarter of the places

# A place in the queue. The result is True when a thread is free, False if the place was lost.
_Place = asyncio.Future[bool]


class HashingQueue:
    """Hands out threads in turn. Belongs to one event loop.

    A network is any text; requests from the same network share its turn. None stands for a program,
    or for an address that clients share: each such request has a separate turn, and the limit of a
    quarter does not apply to it.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._free = threads
        self._places = PLACES * threads
        self._share = max(1, self._places // _SHARE)
        # In the order of their turns. Empty while a thread is free.
        self._networks: OrderedDict[object, deque[_Place]] = OrderedDict()
        self.waiting = 0

    @property
    def busy(self) -> int:
        """How many threads are taken."""
        return self.threads - self._free

    def refusal(self) -> Busy:
        """Return what a request gets that has no place, or has lost it."""
        return Busy()

    def refuse_if_full(self, network: str | None) -> None:
        """Raise what `take_thread` would raise at once.

        Raises:
            Busy: all threads are taken, and the queue has no place left.
        """
        if self._free:
            return
        has = len(self._networks.get(network, ())) if network is not None else 0
        if network is not None and has >= self._share:
            raise self.refusal()
        if self.waiting >= self._places and not self._may_take_over(has):
            raise self.refusal()

    async def take_thread(self, network: str | None) -> None:
        """Wait until a thread is free, and take it. A caller that is cancelled leaves the queue.

        Raises:
            Busy: there is no place left, it took longer than three seconds, or the place
                went to a network that had fewer places.
        """
        self.refuse_if_full(network)
        if self._free:
            self._free -= 1
            return
        if self.waiting >= self._places:
            self._take_over()
        place: _Place = asyncio.get_running_loop().create_future()
        # Without a network, each request is its own network, with any object as its name.
        key = network if network is not None else place
        self._networks.setdefault(key, deque()).append(place)
        self.waiting += 1
        try:
            async with asyncio.timeout(PATIENCE):
                is_free = await place
        except BaseException as error:
            if not place.done() or place.cancelled():
                self._leave(key, place)
            elif place.result():  # cancelled just as it got a thread: pass that on
                self.free_thread()
            if isinstance(error, TimeoutError):
                raise self.refusal() from None
            raise
        if not is_free:
            raise self.refusal()

    def free_thread(self) -> None:
        """Give a thread that was taken to the next network."""
        while self._networks:
            network, places = self._networks.popitem(last=False)
            place = places.popleft()
            self.waiting -= 1
            if places:
                self._networks[network] = places  # at the end: first it is the others' turn
            if not place.done():  # otherwise it was cancelled in this turn of the loop
                place.set_result(True)
                return
        self._free += 1

    def _may_take_over(self, has: int) -> bool:
        """Return whether a network that has this many places may take one from another network.

        It may if the other network then still has at least as many. Otherwise the request that
        came first keeps its place.
        """
        return max(map(len, self._networks.values())) > has + 1

    def _take_over(self) -> None:
        """Take the last place away from the network that has the most."""
        most = max(self._networks, key=lambda network: len(self._networks[network]))
        place = self._networks[most][-1]
        self._leave(most, place)
        if not place.done():
            place.set_result(False)

    def _leave(self, network: object, place: _Place) -> None:
        places = self._networks.get(network, deque())
        if place not in places:
            return
        places.remove(place)
        self.waiting -= 1
        if not places:
            del self._networks[network]
