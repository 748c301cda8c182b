"""A process with what it cost: time, CPU, memory, and how much others were in its way."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
import threading
import time

SAMPLE_EVERY = 0.05  # seconds
TICKS = os.sysconf("SC_CLK_TCK")


class ProcessFailed(Exception):
    """It did not end with 0; the message has the end of its output."""


@dataclasses.dataclass
class Cost:
    seconds: float  # from its first line of output, or its start, to its end
    cpu_seconds: float  # of the whole process, user and system
    peak_megabytes: float
    foreign_cores: float  # how many cores worked for others, on average
    output: str


def run(command: list, log: pathlib.Path, from_first_line: bool = False, known: list[int] = ()):
    """Runs it to its end. `from_first_line`: it says when it is ready. `known`: processes that
    belong to the measurement and are not counted as foreign."""
    before = _busy_seconds(), _cpu_of(known), os.times()
    begun = started = time.monotonic()
    with open(log, "ab") as errors:
        process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=errors, text=True
        )
    memory = _MemorySamples(process.pid)
    output = process.stdout.readline()
    if from_first_line:
        started = time.monotonic()
    output += process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    ended = time.monotonic()
    memory.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = log.read_text(errors="replace")[-3000:]
        raise ProcessFailed(f"{command} ended with {process.returncode}:\n{output}{tail}")
    cpu = usage.ru_utime + usage.ru_stime
    now = os.times()
    own = now.user + now.system - before[2].user - before[2].system
    foreign = _busy_seconds() - before[0] - cpu - own - (_cpu_of(known) - before[1])
    return Cost(
        seconds=ended - started,
        cpu_seconds=cpu,
        peak_megabytes=memory.peak,
        foreign_cores=max(0.0, foreign / (ended - begun)),
        output=output,
    )


class _MemorySamples:
    """Of a process, until it has ended. Samples from a thread of its own.

    ru_maxrss does not do: a process inherits it from the one that started it."""

    def __init__(self, pid: int):
        self._status = pathlib.Path(f"/proc/{pid}/status")
        self.peak = 0.0  # but for its last moments
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def stop(self) -> None:
        """REQUIRES: it has ended."""
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_EVERY):
            try:
                lines = self._status.read_text().splitlines()
            except OSError:
                return  # it has ended
            kibibytes = {line.split()[0]: line.split()[1] for line in lines if line.startswith("Vm")}
            if not kibibytes:
                return  # it is ending
            self.peak = int(kibibytes["VmHWM:"]) / 1024


def cpu_seconds(pid: int) -> float:
    """Of a process that runs, all threads, user and system."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _cpu_of(pids: list[int]) -> float:
    return sum(cpu_seconds(pid) for pid in pids)


def _busy_seconds() -> float:
    """Of all cores, since the machine started, time stolen by a hypervisor included."""
    numbers = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, numbers)
    return (user + nice + system + irq + softirq + steal) / TICKS
