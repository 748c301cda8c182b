"""The installed program and library, away from the build folder, the environment and the caches."""

import os
import pathlib
import re
import subprocess
import tomllib

import pytest

from tests.serving.conftest import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("FOREBAY_BUILD", "build")).resolve()
PROJECT = ROOT / "examples" / "transactions"
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def run(*command: object, env: dict[str, str] = CLEAN, code: int = 0) -> str:
    """What it prints, to both."""
    done = subprocess.run(
        [str(word) for word in command],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory) -> pathlib.Path:
    """Where it is installed: moved there, so that nothing may remember its first place."""
    folder = tmp_path_factory.mktemp("install")
    run("cmake", "--install", BUILD, "--prefix", folder / "first", env=dict(os.environ))
    return (folder / "first").rename(folder / "moved")


@pytest.fixture(scope="module")
def program(prefix) -> pathlib.Path:
    return prefix / "bin" / "forebay"


def library_folder(prefix: pathlib.Path) -> pathlib.Path:
    """lib, or what the system calls it."""
    [package] = prefix.glob("lib*/**/cmake/forebay")
    return package.parents[1]


def test_everything_is_in_its_place(prefix):
    library = library_folder(prefix)
    for path in [
        prefix / "bin/forebay",
        library / "libforebay_project.a",
        library / "cmake/forebay/forebayConfig.cmake",
        prefix / "include/forebay/schemas/definition/project.h",
        prefix / "include/forebay/forebay/v1/serving.grpc.pb.h",
        prefix / "share/forebay/proto/forebay/v1/serving.proto",
        prefix / "share/doc/forebay/LICENSE",
        prefix / "share/doc/forebay/docs/tutorial.md",
        prefix / "share/doc/forebay/examples/transactions/forebay.yaml",
        prefix / "share/bash-completion/completions/forebay",
        prefix / "share/zsh/site-functions/_forebay",
        prefix / "share/fish/vendor_completions.d/forebay.fish",
    ]:
        assert path.is_file(), path
    assert not list(prefix.rglob("*test*"))


def test_the_program_runs_alone(program):
    version = run(program, "--version").removeprefix("forebay ").strip()
    assert run(program, "validate", PROJECT).startswith("shop: ")
    with open(ROOT / "clients" / "python" / "pyproject.toml", "rb") as file:
        assert tomllib.load(file)["project"]["version"] == version


def test_its_libraries_are_the_systems_or_beside_it(prefix, program):
    [paths] = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", run("readelf", "-d", program))
    relative = os.path.relpath(library_folder(prefix) / "forebay", program.parent)
    assert paths == f"$ORIGIN/{relative}"
    found = dict(re.findall(r"(\S+) => (\S+)", run("ldd", program)))
    assert len(found) > 10 and "not" not in found.values()
    ours = {name: path for name, path in found.items() if not path.startswith(("/lib", "/usr/"))}
    assert all(pathlib.Path(path).resolve().is_relative_to(prefix) for path in ours.values()), ours


@pytest.mark.parametrize("where", ["built", "installed"])
def test_there_is_one_openssl_and_it_is_the_systems(program, where):
    """Arrow's libraries export another one, which must not take the place of the system's."""
    path = program if where == "installed" else BUILD / "cli" / "forebay"
    libraries = dict(re.findall(r"(\S+) => (\S+)", run("ldd", path)))
    systems = [libraries["libssl.so.3"], libraries["libcrypto.so.3"]]
    of_openssl = set(re.findall(r" T (\w+)@", run("nm", "-D", "--defined-only", *systems)))
    bound = run(path, "--version", env=CLEAN | {"LD_BIND_NOW": "1", "LD_DEBUG": "bindings"})
    homes: dict[str, set[str]] = {}
    for home, symbol in re.findall(r" to (\S+) \[0\]: normal symbol `(\w+)'", bound):
        if symbol in of_openssl:
            homes.setdefault(symbol, set()).add(home)
    assert {"SSL_connect", "EVP_sha512", "HMAC"} <= set(homes)
    assert {home for found in homes.values() for home in found} == set(systems)


def test_another_program_checks_a_project_and_reads_features(prefix, tmp_path):
    build = tmp_path / "build"
    source = ROOT / "tests" / "install" / "consumer"
    environment = CLEAN | {name: os.environ[name] for name in ("CC", "CXX") if name in os.environ}
    run("cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}",
        env=environment)  # fmt: skip
    run("cmake", "--build", build, env=environment)
    server = Server()
    try:
        seen = run(build / "consumer", PROJECT, server.grpc_port)
    finally:
        assert server.stop() == 0
    assert seen == "shop: 2 views, serving on 8080\nuser_spend.count_1h: 5\n"


# ---- completions ----


def commands(program) -> dict[str, set[str]]:
    """The commands that the help names, and the options that their help does."""
    listed = run(program, "--help").partition("Subcommands:\n")[2]
    return {
        name: set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", options_of(program, name)))
        for name in re.findall(r"^  (\S+)", listed, re.MULTILINE)
    }


def options_of(program, name: str) -> str:
    """The first column of the options in the help of a command."""
    listed = run(program, name, "--help").partition("Options:\n")[2]
    return "\n".join(re.findall(r"^  (-[^ ]*)", listed, re.MULTILINE))


def completed(prefix, *words: str) -> list[str]:
    """What bash offers for the last word."""
    script = prefix / "share" / "bash-completion" / "completions" / "forebay"
    line = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _forebay; echo "${COMPREPLY[@]}"'
    return run("bash", "-c", line, script, "forebay", *words).split()


def test_bash_completes_what_the_help_says(prefix, program):
    expected = commands(program)
    assert {"run", "get", "validate"} <= set(expected)
    assert completed(prefix, "") == list(expected)
    assert {name: set(completed(prefix, name, "-")) for name in expected} == expected
    assert completed(prefix, "val") == ["validate"]
    assert completed(prefix, "run", "--until") == ["--until-idle"]
    assert completed(prefix, "run", "--broker", "") == ["embedded"]
    assert completed(prefix, "dump", "po") == ["positions"]
    assert completed(prefix, "validate", "") == []  # bash's own: files


def test_zsh_and_fish_are_told_of_every_option(prefix, program):
    zsh = (prefix / "share/zsh/site-functions/_forebay").read_text()
    fish = (prefix / "share/fish/vendor_completions.d/forebay.fish").read_text()
    for name, options in commands(program).items():
        [arguments] = re.findall(rf"^    {name}\) _arguments(.*?) ;;$", zsh, re.MULTILINE | re.DOTALL)
        assert set(re.findall(r"'(--?[a-z][a-z-]*)\[", arguments)) == options
        seen = re.findall(rf"^.*__fish_seen_subcommand_from {name}'(.*) -d '", fish, re.MULTILINE)
        found = re.findall(r" -([ls]) (\S+)", " ".join(seen))
        assert {("--" if kind == "l" else "-") + flag for kind, flag in found} == options
