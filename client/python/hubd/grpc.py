# SPDX-License-Identifier: Apache-2.0
"""hubd's services by gRPC, for programs that want them so: `pip install hubd[grpc]`.

    import hubd.grpc
    from hubd.grpc import messages

    with hubd.grpc.connect() as hub:
        print(hub.Admin.Hello(messages.HelloRequest(client="me")).version)
        for event in hub.Downloads.Ensure(messages.EnsureRequest(repo=messages.Repo(id="org/model"))):
            print(event)

Nothing else of this package needs gRPC, and a process that forks is better off without it: a forked child must make a
channel of its own, and grpcio may hang there all the same.
"""
from __future__ import annotations

from typing import Any, Dict, List, Optional

try:
    import grpc
    from google.protobuf import descriptor_pool, message_factory
except ImportError as _error:
    raise ImportError("hubd.grpc needs grpcio and protobuf: pip install 'hubd[grpc]' (%s)" % _error) from _error

from hubd import _protos

__all__ = ["Services", "aio_connect", "connect", "detail_of", "messages"]

_MESSAGE_MAX = 256 << 20  # a listing of a million files
_OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1),
            ("grpc.default_authority", "localhost"), ("grpc.max_receive_message_length", _MESSAGE_MAX)]

# A pool of our own: whoever generated code from the same files may use both.
_pool = descriptor_pool.DescriptorPool()
_protos_read: List[Any] = _protos.read_all(_protos.folder())
for _proto in _protos_read:
    _pool.AddSerializedFile(_proto.SerializeToString())
_files: List[Any] = [_pool.FindFileByName(_proto.name) for _proto in _protos_read]


class _Messages:
    """The messages and enums of hubd.v1 by name: messages.EnsureRequest, messages.ErrorKind.Name(7), ..."""

    def __init__(self) -> None:
        from google.protobuf.internal import enum_type_wrapper

        for file in _files:
            for name, descriptor in file.message_types_by_name.items():
                setattr(self, name, message_factory.GetMessageClass(descriptor))
            for name, enum in file.enum_types_by_name.items():
                setattr(self, name, enum_type_wrapper.EnumTypeWrapper(enum))
                for value in enum.values:
                    setattr(self, value.name, value.number)


messages: Any = _Messages()


class _Service:
    """One service: a method of its own for each of its calls, as grpcio makes them."""

    def __init__(self, channel: Any, package: str, service: Any):
        for method in service.method:
            make = channel.unary_stream if method.server_streaming else channel.unary_unary
            answer = message_factory.GetMessageClass(_pool.FindMessageTypeByName(method.output_type[1:]))
            setattr(self, method.name, make("/%s.%s/%s" % (package, service.name, method.name),
                                            request_serializer=_serialized, response_deserializer=answer.FromString))


def _serialized(message: Any) -> bytes:
    return message.SerializeToString()


class Services:
    """A channel to hubd and its services (Admin, Auth, Cache, Downloads, Hub, Transfers). Safe from many threads; for
    asyncio made by aio_connect(). Not usable in a forked child."""

    def __init__(self, channel: Any):
        self.channel = channel
        for file in _protos_read:
            for service in file.service:
                setattr(self, service.name, _Service(channel, file.package, service))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError("this version knows no service %r" % name)

    def __enter__(self) -> "Services":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    async def __aenter__(self) -> "Services":
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.channel.close()

    def close(self) -> None:
        self.channel.close()


def connect(socket: Optional[str] = None) -> Services:
    """The services of the hubd that this package would use (one is started where none runs), or of the one at `socket`.

    Raises what the rest of the package raises where there is none; calls raise grpc.RpcError, see detail_of().
    """
    return Services(grpc.insecure_channel("unix:" + _socket(socket), options=_OPTIONS))


def aio_connect(socket: Optional[str] = None) -> Services:
    """The same for asyncio: calls are awaited, streams iterated by `async for`. Looks for hubd before it returns."""
    return Services(grpc.aio.insecure_channel("unix:" + _socket(socket), options=_OPTIONS))


def _socket(named: Optional[str]) -> str:
    if named is not None:
        return named
    from hubd import _find

    return _find.find().path


def detail_of(error: Any) -> Any:
    """hubd's own ErrorDetail of a failed call: kind, message, hint, request id ... None: hubd did not say it."""
    trailing: Dict[str, Any] = {key: value for key, value in error.trailing_metadata() or ()}
    raw = trailing.get("grpc-status-details-bin")
    if raw is None:
        return None
    detail = messages.ErrorDetail.FromString(raw)
    return detail if detail.kind else None
