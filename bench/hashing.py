"""What bcrypt alone does: python -m bench.hashing SECONDS prints verifications a second."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import bcrypt

from authingo.passwords import hash_password
from bench.cores import ALL, placed
from bench.data import COST, PASSWORD


def alone(seconds: int) -> float:
    """Measure in a process of its own, as many threads as cores: as a sign-in server has them."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.hashing", str(seconds)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=placed(ALL),
    )
    return float(done.stdout)


def seconds_of_a_core(cost: int, *, times: int = 10) -> float:
    """Return the CPU time that one verification takes, whatever else the machine does meanwhile."""
    hashed = hash_password(PASSWORD, cost).encode()
    began = time.thread_time()
    for _ in range(times):
        assert bcrypt.checkpw(PASSWORD.encode(), hashed)
    return (time.thread_time() - began) / times


def main() -> None:
    hashed = hash_password(PASSWORD, COST).encode()
    done: list[float] = []
    began = time.perf_counter()
    ends = began + float(sys.argv[1])

    def verify() -> None:
        while time.perf_counter() < ends:
            assert bcrypt.checkpw(PASSWORD.encode(), hashed)
            done.append(time.perf_counter())

    threads = [threading.Thread(target=verify) for _ in range(max(1, len(ALL)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(done) / (max(done) - began))


if __name__ == "__main__":
    main()
