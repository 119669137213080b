import shutil
import subprocess
import sys

import pytest
from freeze import elf

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc") or not shutil.which("objdump"),
    reason="needs Linux, a C compiler and objdump",
)


@pytest.mark.parametrize("tags", ["--enable-new-dtags", "--disable-new-dtags"])
def test_a_library_forgets_where_it_was_to_look_and_still_loads(tmp_path, tags):
    source, library = tmp_path / "one.c", tmp_path / "one.so"
    source.write_text("int one(void) { return 1; }\n")
    command = ["cc", "-shared", "-fPIC", f"-Wl,{tags},-rpath,/somewhere/else/lib", "-o", library, source]
    subprocess.run(command, check=True)
    assert b"/somewhere/else/lib" in dynamic(library)
    size = library.stat().st_size

    elf.forget_search_path(library)

    assert b"PATH" not in dynamic(library)
    assert b"/somewhere/else" not in library.read_bytes()
    assert library.stat().st_size == size
    loads = f"import ctypes; raise SystemExit(ctypes.CDLL({str(library)!r}).one() != 1)"
    subprocess.run([sys.executable, "-c", loads], check=True)


def test_what_is_no_library_stays_as_it_is(tmp_path):
    text = tmp_path / "text"
    text.write_bytes(b"\x7fELF is only its beginning")
    elf.forget_search_path(text)
    assert text.read_bytes() == b"\x7fELF is only its beginning"


def dynamic(library):
    return subprocess.run(["objdump", "-p", library], capture_output=True, check=True).stdout
