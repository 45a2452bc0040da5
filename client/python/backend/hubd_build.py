# SPDX-License-Identifier: Apache-2.0
"""Builds the wheel and the sdist of hubd by PEP 517. The same tree gives the same bytes, whenever and wherever."""
import base64
import gzip
import hashlib
import io
import os
import pathlib
import re
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SUFFIXES = (".py", ".typed")
STAMP = (1980, 1, 1, 0, 0, 0)  # the oldest that zip knows
# Runs in every interpreter of the environment: nothing is imported but os, unless it is asked for.
PTH = 'import os; os.environ.get("HUBD_DROPIN", "0") not in ("", "0") and __import__("hubd.dropin.hook")\n'
METADATA = """\
Metadata-Version: 2.1
Name: hubd
Version: {version}
Summary: The Hugging Face Hub through the hubd of this host: one download per host, verified, from any process
License: Apache-2.0
Requires-Python: >=3.9
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3
Classifier: Typing :: Typed
Provides-Extra: progress
Requires-Dist: tqdm; extra == "progress"
Provides-Extra: grpc
Requires-Dist: grpcio>=1.50; extra == "grpc"
Requires-Dist: protobuf>=4.22; extra == "grpc"
Description-Content-Type: text/markdown

{description}"""


def version():
    text = (ROOT / "hubd/_version.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "([^"]+)"$', text, re.M).group(1)


def metadata():
    return METADATA.format(version=version(), description=(ROOT / "README.md").read_text(encoding="utf-8"))


def package_files():
    found = sorted(path for path in (ROOT / "hubd").rglob("*") if path.is_file() and path.suffix in SUFFIXES)
    return [(str(path.relative_to(ROOT)), path.read_bytes()) for path in found] + proto_files()


def proto_files():
    """What hubd.grpc reads: from the source tree, or from the sdist that was made there."""
    shipped = ROOT / "hubd/proto"
    root = shipped if shipped.is_dir() else ROOT.parents[1] / "proto"
    return [("hubd/proto/" + str(path.relative_to(root)), path.read_bytes()) for path in sorted(root.rglob("*.proto"))]


def write_wheel(folder, files):
    info = "hubd-%s.dist-info" % version()
    license_text = ROOT.parents[1] / "LICENSE"
    files = files + [(info + "/METADATA", metadata().encode()),
                     (info + "/WHEEL", b"Wheel-Version: 1.0\nGenerator: hubd\nRoot-Is-Purelib: true\nTag: py3-none-any\n")]
    if license_text.is_file():
        files.append((info + "/LICENSE", license_text.read_bytes()))
    record = ""
    for name, data in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\n" % (name, digest, len(data))
    files.append((info + "/RECORD", (record + info + "/RECORD,,\n").encode()))
    target = "hubd-%s-py3-none-any.whl" % version()
    with zipfile.ZipFile(os.path.join(folder, target), "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in files:
            entry = zipfile.ZipInfo(name, STAMP)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    return target


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return write_wheel(wheel_directory, package_files() + [("hubd-dropin.pth", PTH.encode())])


def build_sdist(sdist_directory, config_settings=None):
    base = "hubd-" + version()
    files = package_files() + [(name, (ROOT / name).read_bytes())
                               for name in ("README.md", "backend/hubd_build.py", "pyproject.toml")]
    files.append(("PKG-INFO", metadata().encode()))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(files):
            entry = tarfile.TarInfo(base + "/" + name)
            entry.size, entry.mode, entry.mtime = len(data), 0o644, 0
            archive.addfile(entry, io.BytesIO(data))
    target = base + ".tar.gz"
    with open(os.path.join(sdist_directory, target), "wb") as out:
        with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as zipped:
            zipped.write(packed.getvalue())
    return target


def get_requires_for_build_wheel(config_settings=None):
    return []


def get_requires_for_build_sdist(config_settings=None):
    return []
