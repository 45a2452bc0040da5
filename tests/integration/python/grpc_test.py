# SPDX-License-Identifier: Apache-2.0
"""hubd.grpc: what its reader makes of .proto files, and calls to a real hubd, with the newest and the oldest grpcio."""
import json
import os
import pathlib
import subprocess
import sys
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from case import HANG, PACKAGE, ROOT, PythonCase  # noqa: E402
from harness import COUNTERPARTS  # noqa: E402
from package_test import build  # noqa: E402

# Compares our reader with protoc, which alone may say what a .proto file means.
COMPARE = """
import json, sys
from google.protobuf import descriptor_pb2
from hubd import _protos
theirs = descriptor_pb2.FileDescriptorSet.FromString(open(sys.argv[2], "rb").read())
ours = descriptor_pb2.FileDescriptorSet(file=_protos.read_all(sys.argv[1], sys.argv[3]))
def bare(message):
    for field in message.field:
        field.ClearField("json_name")
    for nested in message.nested_type:
        bare(nested)
for file in theirs.file:
    for message in file.message_type:
        bare(message)
key = lambda file: file.name
ours, theirs = sorted(ours.file, key=key), sorted(theirs.file, key=key)
print(json.dumps([[f.name for f in theirs], [str(a) for a, b in zip(ours, theirs) if a != b], len(ours) == len(theirs)]))
"""
EVERYTHING = """syntax = "proto3";
package all.v1; /* a comment
over lines */
import "all/v1/base.proto";
message Outer { // a comment
  message Inner { Kind kind = 1; Inner again = 2; }
  enum Kind { NONE = 0; SOME = 7; }
  optional int64 maybe = 1;
  oneof one { string text = 2; Inner inner = 3; Kind kind = 12; }
  repeated Outer.Inner many = 4;
  map<string, Inner> by_some_name = 5;
  map<uint32, bytes> plain = 6;
  optional Kind other = 7;
  double d = 8; float f = 9; sint32 s = 10; fixed64 x = 11;
  Base base = 13;
}
service Talk {
  rpc Both(stream Outer) returns (stream Outer.Inner);
  rpc One(Outer) returns (Base) {}
}
"""


def interpreter(name: str) -> str:
    python = COUNTERPARTS / f"grpc-{name}/bin/python"
    if not python.exists():
        if os.environ.get("CI") == "true":
            raise AssertionError(f"counterpart grpc-{name} is not installed")
        raise unittest.SkipTest(f"counterpart grpc-{name} is not installed")
    return str(python)


class GrpcTest(PythonCase):
    def setUp(self) -> None:
        self.pythons = {name: interpreter(name) for name in ("new", "old")}
        super().setUp()

    def compared(self, root: pathlib.Path, package: str) -> list:
        out = self.folder / "set"
        files = sorted(str(path.relative_to(root)) for path in (root / package).glob("*.proto"))
        subprocess.run(["protoc", "-I", str(root), "--descriptor_set_out=" + str(out), *files], check=True, timeout=HANG)
        done = subprocess.run([self.pythons["new"], "-c", COMPARE, str(root), str(out), package], capture_output=True,
                              text=True, timeout=HANG, env={**os.environ, "PYTHONPATH": str(PACKAGE)})
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def test_reads_hubds_files_as_protoc_does(self):
        names, different, complete = self.compared(ROOT / "proto", "hubd/v1")
        self.assertIn("hubd/v1/downloads.proto", names)
        self.assertEqual([], different)
        self.assertTrue(complete)

    def test_reads_all_of_proto3_that_it_knows_as_protoc_does(self):
        folder = self.folder / "protos/all/v1"
        folder.mkdir(parents=True)
        (folder / "everything.proto").write_text(EVERYTHING)
        (folder / "base.proto").write_text('syntax = "proto3";\npackage all.v1;\nmessage Base { bool yes = 1; }\n')
        names, different, complete = self.compared(self.folder / "protos", "all/v1")
        self.assertEqual(["all/v1/base.proto", "all/v1/everything.proto"], names)
        self.assertEqual([], different)
        self.assertTrue(complete)

    def test_what_it_does_not_know_is_named_by_line(self):
        folder = self.folder / "protos/all/v1"
        folder.mkdir(parents=True)
        (folder / "bad.proto").write_text('syntax = "proto3";\npackage all.v1;\nextend Other { int32 a = 1; }\n')
        done = self.program(f"from hubd import _protos; _protos.read_all({str(self.folder / 'protos')!r}, 'all/v1')",
                            python=self.pythons["new"], check=False)
        self.assertIn("ValueError: all/v1/bad.proto:3: 'extend' is not understood there", done.stderr)

    def test_calls(self):
        wheel = build(str(self.folder))
        installed = self.folder / "installed"
        zipfile.ZipFile(wheel).extractall(installed)  # what is shipped, not the tree
        code = """
import asyncio, json, threading
import grpc, hubd.grpc
from hubd.grpc import messages

out = {"file": hubd.grpc.__file__}
with hubd.grpc.connect() as hub:
    out["root"] = hub.Admin.Hello(messages.HelloRequest(client="test")).root_id
    repo = messages.Repo(type=messages.REPO_TYPE_MODEL, id="acme/model")
    events = list(hub.Downloads.Ensure(messages.EnsureRequest(repo=repo, want_progress=True)))
    out["last"] = events[-1].WhichOneof("event")
    out["files"] = sorted(file.path for file in events[-1].done.files)
    try:
        list(hub.Downloads.Ensure(messages.EnsureRequest(repo=messages.Repo(id="acme/absent"))))
    except grpc.RpcError as error:
        detail = hubd.grpc.detail_of(error)
        out["error"] = [error.code().name, messages.ErrorKind.Name(detail.kind), "acme/absent" in detail.message]
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(hub.Downloads.Ready(
        messages.ReadyRequest(repo=repo)).ready)) for _ in range(16)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    out["threads"] = answers
    answer = hub.Hub.Invoke(messages.InvokeRequest(path="/api/models/acme/model"))
    out["map"] = [answer.status, "content-type" in answer.headers]

async def main():
    async with hubd.grpc.aio_connect() as hub:
        last = None
        async for event in hub.Downloads.Ensure(messages.EnsureRequest(repo=repo)):
            last = event
        return [last.WhichOneof("event"), (await hub.Admin.Status(messages.StatusRequest())).mode]
out["aio"] = asyncio.run(main())
try:
    hub.Downlods
except AttributeError as error:
    out["typo"] = str(error)
print(json.dumps(out))
"""
        for name, python in self.pythons.items():
            with self.subTest(name):
                found = self.result(code, python=python, PYTHONPATH=str(installed))
                self.assertEqual(str(installed / "hubd/grpc.py"), found["file"])
                self.assertEqual(self.daemon.rpc("Admin", "Hello", {})[1]["rootId"], found["root"])
                self.assertEqual("done", found["last"])
                self.assertIn("model.safetensors", found["files"])
                self.assertEqual(["NOT_FOUND", "ERROR_KIND_REPOSITORY_NOT_FOUND", True], found["error"])
                self.assertEqual([True] * 16, found["threads"])
                self.assertEqual([200, True], found["map"])
                self.assertEqual(["done", "user"], found["aio"])
                self.assertEqual("this version knows no service 'Downlods'", found["typo"])

    def test_lives_beside_code_that_protoc_generated(self):
        out = self.folder / "generated"
        out.mkdir()
        subprocess.run(["protoc", "-I", str(ROOT / "proto"), "--python_out=" + str(out),
                        *(str(p.relative_to(ROOT / "proto")) for p in (ROOT / "proto/hubd/v1").glob("*.proto"))],
                       check=True, timeout=HANG)
        # The generated files' own package is called hubd as well: only their descriptors can meet ours.
        found = self.result("""
import importlib.util, json, sys, types
import hubd.grpc
v1 = sys.modules["hubd.v1"] = types.ModuleType("hubd.v1")
spec = importlib.util.spec_from_file_location("hubd.v1.common_pb2", %r)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
ours = hubd.grpc.messages.Repo(id="a/b", revision="main")
print(json.dumps(module.Repo.FromString(ours.SerializeToString()).id))
""" % str(out / "hubd/v1/common_pb2.py"), python=self.pythons["old"])
        self.assertEqual("a/b", found)

    def test_without_grpcio_it_says_what_to_install(self):
        done = self.program("import hubd; hubd.list_repo_files('acme/model'); import hubd.grpc", check=False,
                            python=sys.executable)
        self.assertRegex(done.stderr, r"ImportError: hubd\.grpc needs grpcio and protobuf: pip install 'hubd\[grpc\]'")


if __name__ == "__main__":
    unittest.main()
