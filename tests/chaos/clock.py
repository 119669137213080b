"""Clocks that step for one process alone: a small library, put before libc, adds seconds to two of them.

The machine's own clock is never touched. Linux with a C compiler.
"""

import mmap
import shutil
import struct
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile const long *steps; /* seconds to add to the wall clock, and to the boot-time clock */
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CHAOS_CLOCK");
  real = dlsym(RTLD_NEXT, "clock_gettime");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *map = mmap(NULL, 2 * sizeof(long), PROT_READ, MAP_SHARED, fd, 0);
  if (map != MAP_FAILED) steps = map;
  close(fd);
}

int clock_gettime(clockid_t id, struct timespec *now) {
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(id, now);
  if (steps && result == 0 && id == CLOCK_REALTIME) now->tv_sec += steps[0];
  if (steps && result == 0 && id == CLOCK_BOOTTIME) now->tv_sec += steps[1];
  return result;
}
"""
PROBE = "import time; b = time.clock_gettime(time.CLOCK_BOOTTIME); print(time.time(), b, time.monotonic())"


class Clock:
    """Steps of one process. Start it with `env`."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        (folder / "clock.c").write_text(SOURCE)
        compiler = shutil.which("cc") or "gcc"
        command = (compiler, "-shared", "-fPIC", "-O1", "-o", "clock.so", "clock.c", "-ldl")
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        (folder / "steps").write_bytes(bytes(16))
        self._file = (folder / "steps").open("r+b")
        self._steps = mmap.mmap(self._file.fileno(), 16)
        self.env = {"LD_PRELOAD": str(folder / "clock.so"), "CHAOS_CLOCK": str(folder / "steps")}

    def step(self, wall_s=0, boot_s=0):
        """From now on the clocks are so far from the true ones. Whole seconds."""
        self._steps[:16] = struct.pack("ll", wall_s, boot_s)

    def read(self):
        """(wall, boot, monotonic) in s, as a process under this clock sees them."""
        done = subprocess.run(
            (sys.executable, "-c", PROBE), env=self.env, check=True, capture_output=True, text=True
        )
        return tuple(float(word) for word in done.stdout.split())

    def remove(self):
        self._steps.close()
        self._file.close()
        self._folder.cleanup()


def lacking():
    """What this machine lacks to step clocks, or None."""
    if sys.platform != "linux":
        return "the library that steps clocks is for Linux"
    if not (shutil.which("cc") or shutil.which("gcc")):
        return "no C compiler for the library that steps clocks"
    return None


@cache
def missing():
    """Why clocks cannot be stepped here, or None. It steps one and looks."""
    if reason := lacking():
        return reason
    try:
        clock = Clock()
    except subprocess.CalledProcessError as error:
        return f"the library that steps clocks does not compile: {error.stderr.strip()[:200]}"
    try:
        wall_s, boot_s, steady_s = clock.read()
        clock.step(wall_s=3600, boot_s=500)
        moved = [
            after - before for after, before in zip(clock.read(), (wall_s, boot_s, steady_s), strict=True)
        ]
    except subprocess.CalledProcessError as error:
        return f"the library that steps clocks does not load: {error.stderr.strip()[:200]}"
    finally:
        clock.remove()
    if not (3600 <= moved[0] < 3660 and 500 <= moved[1] < 560 and 0 <= moved[2] < 60):
        return f"the clocks did not step as told: {moved}"
    return None
