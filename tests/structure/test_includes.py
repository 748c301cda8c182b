"""The order of the folders (docs/README.md): a folder includes only what is left of it."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What a folder may include besides itself.
ALLOWED = {
    "schemas": set(),
    "engine": {"schemas"},
    "connectors": {"schemas", "engine"},
    "catalog": {"schemas", "engine", "connectors"},
    "online": {"schemas", "engine", "connectors", "catalog"},
    "offline": {"schemas", "engine", "connectors", "catalog"},
    "cli": {"schemas", "engine", "connectors", "catalog", "online", "offline"},
}
# The folders in connectors/, in an order of their own.
CONNECTORS = ["decode", "update_record", "key_check", "kafka", "dead_letter", "object_store", "file", "lineage"]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def violations(folder: str, text: str) -> list[str]:
    """The includes of a file of `folder` that the order does not allow."""
    found = []
    for include in INCLUDE.findall(text):
        target, slash, _ = include.partition("/")
        known = target in ALLOWED
        if slash and known and target != folder and target not in ALLOWED[folder]:
            found.append(include)
    return found


def violations_in_connectors(folder: str, text: str) -> list[str]:
    """The includes of a file of connectors/`folder` that lie right of it."""
    right = CONNECTORS[CONNECTORS.index(folder) + 1 :]
    return [
        include
        for include in INCLUDE.findall(text)
        if include.startswith("connectors/") and include.split("/")[1] in right
    ]


def sources():
    for folder in ALLOWED:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".h", ".cc"}:
                yield folder, path


def test_no_file_includes_a_folder_right_of_its_own():
    wrong = [
        f"{path.relative_to(ROOT)} includes {include}"
        for folder, path in sources()
        for include in violations(folder, path.read_text())
    ]
    assert wrong == []


def test_connectors_have_an_order_too():
    wrong = [
        f"{path.relative_to(ROOT)} includes {include}"
        for folder, path in sources()
        if folder == "connectors"
        for include in violations_in_connectors(
            path.relative_to(ROOT / folder).parts[0], path.read_text()
        )
    ]
    assert wrong == []


def test_project_includes_start_at_the_root_and_exist():
    wrong = []
    for _, path in sources():
        for include in INCLUDE.findall(path.read_text()):
            top = include.partition("/")[0]
            if top in ALLOWED and not (ROOT / include).exists():
                wrong.append(f"{path.relative_to(ROOT)} includes {include}, which does not exist")
            elif (path.parent / include).exists():
                wrong.append(f"{path.relative_to(ROOT)} includes {include} without its folder")
    assert wrong == []


def test_every_source_folder_says_what_is_in_it():
    folders = {path.parent for _, path in sources()}
    assert [
        str(f.relative_to(ROOT)) for f in sorted(folders) if not (f / "README.md").exists()
    ] == []


def test_the_check_finds_what_it_looks_for():
    text = '#include "offline/delta/log.h"\n#include "schemas/types/time.h"\n#include <vector>\n'
    assert violations("online", text) == ["offline/delta/log.h"]
    assert violations("schemas", '#  include "engine/batch/event_batch.h"') == [
        "engine/batch/event_batch.h"
    ]
    assert violations("cli", text) == []
    assert violations("engine", '#include "forebay/v1/definition.pb.h"') == []
    kafka = '#include "connectors/kafka/consumer.h"'
    assert violations_in_connectors("key_check", kafka) == ["connectors/kafka/consumer.h"]
    assert violations_in_connectors("dead_letter", kafka) == []
