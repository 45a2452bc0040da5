# SPDX-License-Identifier: Apache-2.0
"""What a container engine does, by namespaces alone: runs a program in a root of its own, read-only, as some user.

    python3 container.py PLAN.json

PLAN: {"root": empty folder to build the root in, "binds": [[host path, path inside, "ro" or "rw"]],
       "uid": uid inside, "host_uid": what the kernel calls it outside, "env": {...}, "command": [...],
       "trace": file for strace's account or ""}

Must run as root, as the first process of new mount and pid namespaces (unshare --mount --pid --fork). The user namespace is
made here, since its map of users has to be written from outside. Ends with the command's exit code.
"""
import ctypes
import json
import os
import pathlib
import subprocess
import sys

CLONE_NEWUSER = 0x10000000
MNT_DETACH = 2
SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
DEVICES = ("null", "zero", "random", "urandom", "full")


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def bind(host: str, inside: pathlib.Path, writable: bool = False) -> None:
    if os.path.isdir(host):
        inside.mkdir(parents=True, exist_ok=True)
    else:
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.touch()
    mount("--bind", host, str(inside))
    if not writable:
        mount("-o", "remount,bind,ro", str(inside))


def build(plan: dict) -> pathlib.Path:
    """The root: the host's programs and what the plan binds, nothing of it writable."""
    root = pathlib.Path(plan["root"])
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(root))
    for name in SYSTEM:
        path = pathlib.Path("/", name)
        if path.is_symlink():
            (root / name).symlink_to(os.readlink(path))
        elif path.is_dir():
            bind(str(path), root / name)
    (root / "dev").mkdir()
    for name in DEVICES:
        bind("/dev/" + name, root / "dev" / name, writable=True)
    (root / "proc").mkdir()
    mount("-t", "proc", "proc", str(root / "proc"))
    for host, inside, mode in plan["binds"]:
        bind(host, root / inside.lstrip("/"), mode == "rw")
    mount("-o", "remount,ro", str(root))
    return root


def enter(root: pathlib.Path, libc: ctypes.CDLL) -> None:
    """Makes it the root of this mount namespace; the host's is gone. (Out of a mere chroot no user namespace can be made.)"""
    os.chdir(root)
    subprocess.run(["pivot_root", ".", "."], check=True)  # moves every process of the namespace, this one too
    if libc.umount2(b".", MNT_DETACH) != 0:
        raise OSError(ctypes.get_errno(), "umount the old root: " + os.strerror(ctypes.get_errno()))
    os.chdir("/")


def as_user(plan: dict) -> None:
    """Between fork and exec, in the container's root, after the map of users was written: root of the host no more."""
    os.setgroups([])
    os.setresgid(plan["uid"], plan["uid"], plan["uid"])
    os.setresuid(plan["uid"], plan["uid"], plan["uid"])


def main() -> int:
    plan = json.loads(pathlib.Path(sys.argv[1]).read_text())
    libc = ctypes.CDLL(None, use_errno=True)
    os.umask(0o022)
    root = build(plan)
    trace = os.open(plan["trace"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666) if plan.get("trace") else None
    if trace is not None:
        os.fchmod(trace, 0o666)
    enter(root, libc)
    asked, answer = os.pipe()
    go, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(told)  # whoever waits for a word of a parent that failed is to see the end
            if libc.unshare(CLONE_NEWUSER) != 0:
                raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER): " + os.strerror(ctypes.get_errno()))
            os.write(answer, b"x")
            if os.read(go, 1) != b"x":
                os._exit(125)
            as_user(plan)
            command = plan["command"]
            if trace is not None:
                os.set_inheritable(trace, True)
                command = ["strace", "-f", "-qq", "-o", f"/proc/self/fd/{trace}", "-e", plan["trace_calls"], *command]
            os.execvpe(command[0], command, plan["env"])
        except BaseException as error:
            os.write(2, f"container: {error}\n".encode())
        os._exit(125)
    os.close(answer)
    if os.read(asked, 1) == b"x":
        # Only these two are somebody in there: its root is the host's nobody.
        for kind in ("uid_map", "gid_map"):
            pathlib.Path(f"/proc/{pid}/{kind}").write_text(f"{plan['uid']} {plan['host_uid']} 1\n")
        os.write(told, b"x")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main())
