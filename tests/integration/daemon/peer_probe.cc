// SPDX-License-Identifier: Apache-2.0
// peer_probe call SOCKET /hubd.v1.Admin/Hello    request bytes as hex on stdin; one line of JSON on stdout:
//                                                {"code": 0, "detail": {...}, "answers": [{...}]}
// peer_probe encode /hubd.v1.Admin/Hello         request as JSON on stdin; its bytes as hex on stdout
#include <google/protobuf/util/json_util.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "hubd/v1/admin.pb.h"
#include "hubd/v1/auth.pb.h"
#include "hubd/v1/cache.pb.h"
#include "hubd/v1/downloads.pb.h"
#include "hubd/v1/hub.pb.h"
#include "hubd/v1/store.pb.h"
#include "hubd/v1/transfers.pb.h"

namespace {

namespace pb = google::protobuf;

constexpr auto call_max = std::chrono::seconds(60);

/// Named, so that the linker keeps every file of the API.
pb::FileDescriptor const* const files[] = {
    hubd::v1::HelloRequest::descriptor()->file(), hubd::v1::WhoAmIRequest::descriptor()->file(),
    hubd::v1::ScanCacheRequest::descriptor()->file(), hubd::v1::EnsureRequest::descriptor()->file(),
    hubd::v1::ListTransfersRequest::descriptor()->file(), hubd::v1::InvokeRequest::descriptor()->file(),
    hubd::v1::StoreStatsRequest::descriptor()->file()};

pb::MethodDescriptor const* find_method(std::string path) {
  if (path.starts_with('/')) path.erase(0, 1);
  std::replace(path.begin(), path.end(), '/', '.');
  for (auto const* const file : files)
    if (auto const* const method = file->pool()->FindMethodByName(path)) return method;
  return nullptr;
}

std::unique_ptr<pb::Message> message_of(pb::Descriptor const* type) {
  return std::unique_ptr<pb::Message>(pb::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

std::string json_of(pb::Message const& message) {
  std::string text;
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = false;
  if (!pb::util::MessageToJsonString(message, &text, options).ok()) return "null";
  return text;
}

std::string standard_input() { return {std::istreambuf_iterator<char>(std::cin), {}}; }

std::string to_hex(std::string const& bytes) {
  std::string hex;
  for (char const c : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    hex += digits;
  }
  return hex;
}

std::optional<std::string> from_hex(std::string_view hex) {
  while (!hex.empty() && hex.back() == '\n') hex.remove_suffix(1);
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    unsigned value = 0;
    if (std::sscanf(std::string(hex.substr(i, 2)).c_str(), "%2x", &value) != 1) return std::nullopt;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::string bytes_of(grpc::ByteBuffer const& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (auto const& slice : slices) bytes.append(reinterpret_cast<char const*>(slice.begin()), slice.size());
  return bytes;
}

int encode(pb::MethodDescriptor const& method) {
  auto const message = message_of(method.input_type());
  auto const parsed = pb::util::JsonStringToMessage(standard_input(), message.get());
  if (!parsed.ok()) {
    std::cerr << "peer_probe: " << parsed.ToString() << "\n";
    return 1;
  }
  std::cout << to_hex(message->SerializeAsString()) << "\n";
  return 0;
}

int call(std::string const& socket, std::string const& path, pb::MethodDescriptor const& method) {
  auto const request = from_hex(standard_input());
  if (!request) {
    std::cerr << "peer_probe: the request is not hex\n";
    return 1;
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  auto const channel = grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments);
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  auto const step = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  grpc::ClientContext context;
  context.set_deadline(hubd::SystemClock().wall() + call_max);
  auto const stream = stub.PrepareCall(&context, path, &queue);
  stream->StartCall(nullptr);
  std::string answers;
  if (step()) {
    grpc::Slice const slice(*request);
    grpc::ByteBuffer const out(&slice, 1);
    stream->WriteLast(out, grpc::WriteOptions(), nullptr);
    if (step()) {
      while (true) {
        grpc::ByteBuffer in;
        stream->Read(&in, nullptr);
        if (!step()) break;
        auto const message = message_of(method.output_type());
        if (!message->ParseFromString(bytes_of(in))) break;
        answers += (answers.empty() ? "" : ",") + json_of(*message);
      }
    }
  }
  grpc::Status status;
  stream->Finish(&status, nullptr);
  if (!step()) return 1;
  hubd::v1::ErrorDetail detail;
  if (!detail.ParseFromString(status.error_details())) detail.Clear();
  if (detail.message().empty()) detail.set_message(status.error_message());
  std::cout << "{\"code\":" << status.error_code() << ",\"detail\":" << json_of(detail) << ",\"answers\":[" << answers
            << "]}\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string const verb = argc > 1 ? argv[1] : "";
  auto const* const method = argc > 2 ? find_method(argv[argc - 1]) : nullptr;
  if (method != nullptr && verb == "encode" && argc == 3) return encode(*method);
  if (method != nullptr && verb == "call" && argc == 4) return call(argv[2], argv[3], *method);
  std::cerr << "usage: peer_probe call SOCKET METHOD | encode METHOD\n";
  return 2;
}
