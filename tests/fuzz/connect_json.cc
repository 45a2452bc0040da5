// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/util/json_util.h>

#include "hubd/v1/downloads.pb.h"
#include "tests/fuzz/target.h"

// A request as it comes over HTTP.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  namespace util = google::protobuf::util;
  util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  v1::EnsureRequest request;
  if (!util::JsonStringToMessage(fuzz::text_of(data, size), &request, options).ok()) return 0;
  std::string bytes;
  fuzz::promise(request.SerializeToString(&bytes), "what was read can be written");
  v1::EnsureRequest again;
  fuzz::promise(again.ParseFromString(bytes), "and read again");
  return 0;
}
