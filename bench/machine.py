"""What the figures were measured on."""

from __future__ import annotations

import pathlib
import platform
import re
import subprocess


def describe(forebay_version: str, kafka_version: str) -> dict[str, str]:
    """Ordered, for the page: name and text."""
    return {
        "CPU": f"{_cpu_model()}, {_cpu_count()} cores",
        "Memory": _memory(),
        "System": f"{_distribution()}, Linux {platform.release()}",
        "Compiler": _first_line(["c++", "--version"]),
        "forebay": forebay_version,
        "Libraries": _libraries(),
        "Kafka broker": f"{kafka_version}, one node on the same machine; {_java()}",
    }


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _cpu_count() -> int:
    return len(re.findall(r"^processor\s*:", _text("/proc/cpuinfo"), re.MULTILINE))


def _memory() -> str:
    kibibytes = int(re.search(r"^MemTotal:\s*(\d+)", _text("/proc/meminfo"), re.MULTILINE).group(1))
    return f"{kibibytes / 2**20:.0f} GiB"


def _distribution() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")


def _libraries() -> str:
    packages = {"librdkafka": "librdkafka-dev", "RocksDB": "librocksdb-dev", "gRPC": "libgrpc++-dev"}
    names = [f"{name} {_package_version(package)}" for name, package in packages.items()]
    import pyarrow  # its libraries are those that forebay links

    return ", ".join([*names, f"Arrow {pyarrow.__version__}"])


def _package_version(package: str) -> str:
    text = _first_line(["dpkg-query", "-W", "-f", "${Version}", package])
    return re.sub(r"[-+].*", "", text)


def _java() -> str:
    return _first_line(["java", "-version"])


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return f"no {command[0]}"
    return ((done.stdout or done.stderr).splitlines() or ["unknown"])[0]


def _text(path: str) -> str:
    return pathlib.Path(path).read_text()
