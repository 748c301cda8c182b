"""What the figures were measured on."""

from __future__ import annotations

import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]


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
    packages = {"RocksDB": "librocksdb-dev", "gRPC": "libgrpc++-dev"}
    names = [f"{name} {_package_version(package)}" for name, package in packages.items()]
    import pyarrow  # its libraries are those that forebay links

    return ", ".join([f"librdkafka {_librdkafka()}", *names, f"Arrow {pyarrow.__version__}"])


def _librdkafka() -> str:
    """Of the header that the build folder was configured with."""
    build = pathlib.Path(os.environ.get("FOREBAY_BUILD", ROOT / "build"))
    root = re.search(r"^RdKafka_ROOT:\w+=(.+)$", _text(build / "CMakeCache.txt"), re.MULTILINE)
    folder = pathlib.Path(root.group(1) if root else "/usr")
    header = _text(folder / "include" / "librdkafka" / "rdkafka.h")
    digits = re.search(r"^#define +RD_KAFKA_VERSION +0x(\w{6})", header, re.MULTILINE).group(1)
    return ".".join(str(byte) for byte in bytes.fromhex(digits))


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


def _text(path: str | pathlib.Path) -> str:
    return pathlib.Path(path).read_text()
