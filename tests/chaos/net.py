"""Two network namespaces joined by a pair of virtual interfaces: the sidecar in one, the service in the other.

Real kernel faults: an interface that is down, packets dropped or refused, an address that changes. Linux, root.
The addresses are of 127/8, for the sidecar speaks without TLS to no others; in here they go over the wire.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

SIDECAR, OTHER, SERVICE = "127.7.7.1", "127.7.7.3", "127.7.7.2"
NAME = "localhost"
"""In the sidecar's namespace no file knows it: the name server is asked."""
_counter = itertools.count()
_CONFIG = Path("/etc/netns")

DNS = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
print("ready", flush=True)
while True:
    ask, who = s.recvfrom(512)
    end = ask.index(0, 12) + 5
    is_a = ask[end - 4 : end - 2] == bytes((0, 1))
    head = ask[:2] + bytes((0x85, 0x80, 0, 1, 0, is_a, 0, 0, 0, 0)) + ask[12:end]
    s.sendto(head + (bytes.fromhex("c00c00010001000000000004") + socket.inet_aton(sys.argv[1]) if is_a else b""), who)
"""
"""A name server for which every name is this one address; and no name has one of IPv6."""


@cache
def missing():
    """Why there can be no namespaces here, or None."""
    if sys.platform != "linux":
        return "network namespaces are of Linux"
    if os.geteuid():
        return "network namespaces need root"
    if absent := [name for name in ("ip", "sysctl") if not shutil.which(name)]:
        return f"not installed: {', '.join(absent)}"
    try:
        Link().remove()
    except subprocess.CalledProcessError as error:
        return f"no network namespaces: {error.stderr.strip()}"
    return None


@cache
def missing_iptables():
    """Why there can be no packet filter in a namespace, or None."""
    if reason := missing():
        return reason
    if not shutil.which("iptables"):
        return "not installed: iptables"
    link = Link()
    try:
        for rule in ("-j DROP", "-p tcp -j REJECT --reject-with tcp-reset", f"{LOSS % 0.2} -j DROP"):
            link.filter(f"-A INPUT {rule}")
    except subprocess.CalledProcessError as error:
        return f"the kernel has no such packet filter: {error.stderr.strip()}"
    finally:
        link.remove()
    return None


LOSS = "-m statistic --mode random --probability %g"


def _run(command):
    subprocess.run(command.split(), check=True, capture_output=True, text=True)


class Link:
    """The pair. `remove` it in the end, whatever happened."""

    def __init__(self):
        stem = f"chaos-{os.getpid()}-{next(_counter)}"
        self.near, self.far = f"{stem}-a", f"{stem}-b"
        self._dns = None
        try:
            for name in (self.near, self.far):
                _run(f"ip netns add {name}")
                _run(f"ip -n {name} link set lo up")
                _run(f"ip -n {name} addr del 127.0.0.1/8 dev lo")
                _run(f"ip -n {name} addr add 127.0.0.1/32 dev lo")
                _run(f"ip netns exec {name} sysctl -q -w net.ipv4.conf.all.route_localnet=1")
            _run(f"ip link add v0 netns {self.near} type veth peer name v0 netns {self.far}")
            for name, address in ((self.near, SIDECAR), (self.far, SERVICE)):
                _run(f"ip -n {name} addr add {address}/24 dev v0")
                _run(f"ip -n {name} link set v0 up")
        except BaseException:
            self.remove()
            raise

    def within(self, name):
        """What to put before a command so that it runs there."""
        return ("ip", "netns", "exec", name)

    def up(self, up=True):
        """The interface on the sidecar's side."""
        _run(f"ip -n {self.near} link set v0 {'up' if up else 'down'}")

    def far_up(self, up=True):
        """The interface on the other side: ours loses its carrier, and its route stays."""
        _run(f"ip -n {self.far} link set v0 {'up' if up else 'down'}")

    def move(self, old, new):
        """The sidecar's address becomes another one."""
        _run(f"ip -n {self.near} addr del {old}/24 dev v0")
        _run(f"ip -n {self.near} addr add {new}/24 dev v0")

    def filter(self, rule):
        """A rule of the packet filter on the service's side; what it refuses comes as RST."""
        _run(f"ip netns exec {self.far} iptables -w 5 {rule}")

    # --- names

    def serve_names(self):
        """A name server that knows NAME. It can be stopped and continued: a DNS that hangs."""
        folder = _CONFIG / self.near
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {SERVICE}\n")
        (folder / "nsswitch.conf").write_text("hosts: files dns\n")
        (folder / "hosts").write_text("")
        command = (*self.within(self.far), sys.executable, "-c", DNS, SERVICE)
        self._dns = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._dns.stdout.readline()

    def names_hang(self, signal_number):
        """Send the name server SIGSTOP or SIGCONT."""
        os.kill(self._dns.pid, signal_number)

    def remove(self):
        """Leaves nothing behind; may be called at any time."""
        if self._dns is not None:
            with self._dns as dns:
                dns.kill()
        for name in (self.near, self.far):
            subprocess.run(("ip", "netns", "del", name), capture_output=True, check=False)
        shutil.rmtree(_CONFIG / self.near, ignore_errors=True)
        with contextlib.suppress(OSError):  # it was never made, or others are in it
            _CONFIG.rmdir()
