"""tests/tidy must find each planted fault, at its line, and nothing in a sound tree."""

import pathlib
import subprocess
import sys

import pytest

TIDY = pathlib.Path(__file__).with_name("tidy")
README = "`base/` `tally/` `flow/` `audit/` `http/`\n"
SOUND = {
    "src/README.md": README,
    "src/base/a.h": "#pragma once\n#include <string>\n",
    "src/tally/b.h": '#pragma once\n#include "base/a.h"\n',
    "src/flow/c_test.cc": '#include "testing/fake.h"\n#include <gtest/gtest.h>\n',
    "src/audit/query.cc": '#include "flow/c.h"\n#include <nlohmann/json.hpp>\n',
}


def function(lines):
    return "int f(int a) {\n" + "  a += 1;\n" * (lines - 2) + "}\n"


def tidy(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    result = subprocess.run([sys.executable, str(TIDY), str(root)], capture_output=True, text=True, timeout=60)
    return result.returncode, result.stdout.splitlines()


def test_a_sound_tree_passes(tmp_path):
    code, output = tidy(tmp_path, SOUND | {"src/tally/f.cc": function(70)})
    assert (code, output) == (0, ["tidy: no findings in 6 files"])


@pytest.mark.parametrize("path, text, line, part", [
    ("src/base/x.cc", '#include "tally/b.h"\n', 1, "dependencies point down"),
    ("src/http/x.cc", '\n#include "audit/query.h"\n', 2, "dependencies point down"),
    ("src/flow/x.cc", '#include "testing/fake.h"\n', 1, "dependencies point down"),
    ("src/audit/x.h", "#pragma once\n#include <soci/soci.h>\n", 2, "belongs in src/store"),
    ("src/tally/x.cc", "#include <absl/container/btree_map.h>\n", 1, "other people's processes"),
    ("src/tally/x.cc", "#include <thread>\n", 1, "pure"),
    ("src/audit/collector_x.cc", "auto t = std::chrono::system_clock::now();\n", 1, "pure"),
    ("src/base/x.cc", "// caf\u00e9\n", 1, "ASCII"),
    ("src/base/x.cc", "int a;\n// TO" + "DO later\n", 2, "do it now"),
    ("src/base/x_test.cc", "TEST(A, DIS" + "ABLED_b) {}\n", 1, "switched off"),
    ("docs/x.md", "see /ho" + "me/someone/x\n", 1, "one machine"),
    ("src/base/x.h", "int a;\n", 1, "#pragma once"),
    ("src/base/x.h", "#pragma once\n" + "\n" * 250, 251, "at most 250"),
    ("src/base/x.cc", "\n" * 601, 601, "at most 600"),
    ("src/base/x.cc", "namespace a {\n" + function(71) + "}\n", 2, "f has 71 lines, 70 are allowed"),
    ("src/base/x.cc", "struct S {\n  S()\n      : a{1} {\n" + "a++;\n" * 70 + "  }\n  int a;\n};\n", 2, "S has 73 lines"),
    ("src/nosuch/x.cc", "int a;\n", 1, "does not know"),
    ("tests/long_functions.txt", "src/base/gone.cc f 80\n", 1, "remove the line"),
])
def test_each_fault_is_found_at_its_line(tmp_path, path, text, line, part):
    code, output = tidy(tmp_path, SOUND | {path: text})
    where = "tests/tidy" if "nosuch" in path else path
    assert code == 1
    assert any(finding.startswith(f"{where}:{line}: ") and part in finding for finding in output), output


def test_the_list_of_long_functions_may_only_shrink(tmp_path):
    listed = {"tests/long_functions.txt": "# path function lines\nsrc/base/x.cc f 80\n"}
    assert tidy(tmp_path, SOUND | listed | {"src/base/x.cc": function(80)})[0] == 0
    assert tidy(tmp_path, {"src/base/x.cc": function(81)})[0] == 1
    assert tidy(tmp_path, {"src/base/x.cc": function(79)})[0] == 1
