# SPDX-License-Identifier: Apache-2.0
"""hubd's .proto files as descriptors, read when they are needed: no generated code that would pin a version of protobuf.

Reads the part of proto3 that hubd's files use; what it does not know is a ValueError with file and line. Needs protobuf.
"""
from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Set, Tuple

from google.protobuf import descriptor_pb2

_TOKEN = re.compile(r'\s+|//[^\n]*|/\*.*?\*/|([A-Za-z_][\w.]*|\d+|"[^"\n]*"|[{}()<>=;,\[\]])', re.S)
_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {name: getattr(_FIELD, "TYPE_" + name.upper()) for name in (
    "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string", "bytes", "uint32", "sfixed32",
    "sfixed64", "sint32", "sint64")}


def folder() -> str:
    """Where the .proto files are: in the package, else in the source tree that the package stands in."""
    here = os.path.dirname(os.path.abspath(__file__))
    shipped = os.path.join(here, "proto")
    return shipped if os.path.isdir(shipped) else os.path.join(here, os.pardir, os.pardir, os.pardir, "proto")


def read_all(root: str, package: str = "hubd/v1") -> List[Any]:
    """The FileDescriptorProto of each file of `package` below `root`, each after those that it imports."""
    texts = {}
    for name in sorted(os.listdir(os.path.join(root, package))):
        if name.endswith(".proto"):
            with open(os.path.join(root, package, name), encoding="utf-8") as file:
                texts[package + "/" + name] = file.read()
    files = {name: _Reader(name, text).read() for name, text in texts.items()}
    known: Dict[str, bool] = {}  # full name -> is it an enum?
    for file in files.values():
        _collect(known, "." + file.package, file.message_type, file.enum_type)
    for file in files.values():
        for message in file.message_type:
            _resolve(known, "." + file.package, message)
        for service in file.service:
            for method in service.method:
                method.input_type = _find(known, "." + file.package, method.input_type)
                method.output_type = _find(known, "." + file.package, method.output_type)
    out: List[Any] = []
    done: Set[str] = set()

    def add(name: str) -> None:
        if name not in done:
            done.add(name)
            for needed in files[name].dependency:
                add(needed)
            out.append(files[name])

    for name in files:
        add(name)
    return out


def _collect(known: Dict[str, bool], scope: str, messages: Any, enums: Any) -> None:
    for enum in enums:
        known[scope + "." + enum.name] = True
    for message in messages:
        known[scope + "." + message.name] = False
        _collect(known, scope + "." + message.name, message.nested_type, message.enum_type)


def _find(known: Dict[str, bool], scope: str, name: str) -> str:
    """The full name that `name` means inside of `scope`: the innermost one."""
    while True:
        if scope + "." + name in known:
            return scope + "." + name
        if not scope:
            raise ValueError("no message or enum is called %r" % name)
        scope = scope.rpartition(".")[0]


def _resolve(known: Dict[str, bool], scope: str, message: Any) -> None:
    scope += "." + message.name
    for nested in message.nested_type:
        _resolve(known, scope, nested)
    for field in message.field:
        if field.type_name:
            field.type_name = _find(known, scope, field.type_name)
            field.type = _FIELD.TYPE_ENUM if known[field.type_name] else _FIELD.TYPE_MESSAGE


class _Reader:
    """One file, token by token."""

    def __init__(self, name: str, text: str):
        self._file = descriptor_pb2.FileDescriptorProto(name=name, syntax="proto3")
        self._tokens: List[Tuple[str, int]] = []
        at, line = 0, 1
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise ValueError("%s:%d: %r cannot stand there" % (name, line, text[at]))
            if found.group(1):
                self._tokens.append((found.group(1), line))
            line += found.group(0).count("\n")
            at = found.end()
        self._at = 0

    def read(self) -> Any:
        while self._at < len(self._tokens):
            word = self._next()
            if word == "syntax":
                self._expect("=", '"proto3"', ";")
            elif word == "package":
                self._file.package = self._next()
                self._expect(";")
            elif word == "import":
                self._file.dependency.append(self._next().strip('"'))
                self._expect(";")
            elif word == "message":
                self._message(self._file.message_type.add())
            elif word == "enum":
                self._enum(self._file.enum_type.add())
            elif word == "service":
                self._service(self._file.service.add())
            else:
                self._fail(word)
        return self._file

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise ValueError("%s ends too early" % self._file.name)
        self._at += 1
        return self._tokens[self._at - 1][0]

    def _expect(self, *words: str) -> None:
        for word in words:
            found = self._next()
            if found != word:
                self._fail(found)

    def _took(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][0] == word:
            self._at += 1
            return True
        return False

    def _fail(self, word: str) -> None:
        raise ValueError("%s:%d: %r is not understood there" % (self._file.name, self._tokens[self._at - 1][1], word))

    def _message(self, message: Any) -> None:
        message.name = self._next()
        self._expect("{")
        optional = []
        while not self._took("}"):
            word = self._next()
            if word == "message":
                self._message(message.nested_type.add())
            elif word == "enum":
                self._enum(message.enum_type.add())
            elif word == "oneof":
                message.oneof_decl.add(name=self._next())
                self._expect("{")
                while not self._took("}"):
                    self._field(message, self._next()).oneof_index = len(message.oneof_decl) - 1
            elif word == "optional":
                optional.append(self._field(message, self._next()))
            elif word == "repeated":
                self._field(message, self._next()).label = _FIELD.LABEL_REPEATED
            else:
                self._field(message, word)
        for field in optional:
            field.proto3_optional = True
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name="_" + field.name)

    def _field(self, message: Any, kind: str) -> Any:
        field = message.field.add(label=_FIELD.LABEL_OPTIONAL)
        if kind == "map":
            self._expect("<")
            entry = message.nested_type.add()
            entry.options.map_entry = True
            self._typed(entry.field.add(name="key", number=1, label=_FIELD.LABEL_OPTIONAL), self._next())
            self._expect(",")
            self._typed(entry.field.add(name="value", number=2, label=_FIELD.LABEL_OPTIONAL), self._next())
            self._expect(">")
            field.label = _FIELD.LABEL_REPEATED
        field.name = self._next()
        if kind == "map":
            entry.name = "".join(part[:1].upper() + part[1:] for part in field.name.split("_")) + "Entry"
            kind = entry.name
        self._typed(field, kind)
        self._expect("=")
        field.number = int(self._next())
        self._expect(";")
        return field

    def _typed(self, field: Any, kind: str) -> None:
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
        else:
            field.type_name = kind  # made whole when all names are known

    def _enum(self, enum: Any) -> None:
        enum.name = self._next()
        self._expect("{")
        while not self._took("}"):
            name = self._next()
            self._expect("=")
            enum.value.add(name=name, number=int(self._next()))
            self._expect(";")

    def _service(self, service: Any) -> None:
        service.name = self._next()
        self._expect("{")
        while not self._took("}"):
            self._expect("rpc")
            method = service.method.add(name=self._next())
            self._expect("(")
            if self._took("stream"):
                method.client_streaming = True
            method.input_type = self._next()
            self._expect(")", "returns", "(")
            if self._took("stream"):
                method.server_streaming = True
            method.output_type = self._next()
            self._expect(")")
            if self._took("{"):
                method.options.SetInParent()  # none, but said so
                self._expect("}")
            else:
                self._expect(";")
