// SPDX-License-Identifier: Apache-2.0
// A program with a protobuf, gRPC, abseil and zlib of its own: other code under the very names that hubd's use. Whoever
// mixes them up does not link, or ends here with 3.
#include <hubd/client/client.h>
#include <hubd/client/environment.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace {
int mixed() {
  std::puts("hubd-client called a function of the program's own gRPC or protobuf");
  std::fflush(stdout);
  ::_exit(3);
}
}  // namespace

namespace google::protobuf {
void ShutdownProtobufLibrary() {
  mixed();
}
class Message {
 public:
  virtual ~Message();
  virtual std::string GetTypeName() const;
};
Message::~Message() {
  mixed();
}
std::string Message::GetTypeName() const {
  return std::to_string(mixed());
}
namespace internal {
void VerifyVersion(int, int, char const*) {
  mixed();
}
}  // namespace internal
}  // namespace google::protobuf
namespace grpc {
class Status {
 public:
  static Status const& OK;
  int code = mixed();
};
}  // namespace grpc
extern "C" {
void grpc_init() {
  mixed();
}
void* grpc_channel_create(char const*, void*, void const*) {
  return mixed() != 0 ? nullptr : nullptr;
}
void* gpr_malloc(size_t) {
  return mixed() != 0 ? nullptr : nullptr;
}
int ares_library_init(int) {
  return mixed();
}
int inflate(void*, int) {
  return mixed();
}
}

int main() {
  auto const variables = hubd::client::process_variables();
  hubd::client::Client::Options options;
  options.sockets = hubd::client::sockets(variables, ::getuid());
  options.check_owner = false;
  auto const client = hubd::client::Client::connect(options);
  if (!client) {
    std::printf("%s: %s\n", std::string(name_of(client.error().kind)).c_str(), client.error().message.c_str());
    return 1;
  }
  std::printf("%s\n", (*client)->hello().root_id.c_str());
  return 0;
}
