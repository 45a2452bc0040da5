// SPDX-License-Identifier: Apache-2.0
// training_loop WEIGHTS_REPO DATA_REPO: maps the tensors of a model, then trains on the files of a dataset in turn,
// while the next file is fetched. Prints one line per tensor and one per data file; a real trainer would hand the bytes
// to its GPU.
#include <hubd/client/client.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstring>
#include <iostream>
#include <optional>

using namespace hubd::client;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kHeaderMax = 100 << 20;  // safetensors' own limit
constexpr std::size_t kBatch = 64 << 10;         // bytes

int fail(Error const& error) {
  std::cerr << "Error: " << name_of(error.kind) << ": " << error.message << "\n";
  return 1;
}

std::uint64_t sum(std::span<std::byte const> bytes) {
  std::uint64_t total = 0;
  for (auto const byte : bytes) total += std::to_integer<std::uint64_t>(byte);
  return total;
}

/// A whole file in memory, without a copy: pages come from the cache that all processes of the host share.
class Mapping {
 public:
  explicit Mapping(File const& file)
      : size_(file.size()), start_(::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.descriptor(), 0)) {}
  ~Mapping() {
    if (valid()) ::munmap(start_, size_);
  }
  Mapping(Mapping const&) = delete;
  Mapping& operator=(Mapping const&) = delete;
  bool valid() const { return start_ != MAP_FAILED; }
  std::span<std::byte const> bytes() const { return {static_cast<std::byte const*>(start_), size_}; }

 private:
  std::size_t size_;
  void* start_;
};

/// Prints the tensors of one safetensors file: 8 bytes of header length, a JSON header, then the data. A real program
/// would use its JSON parser; what writers of safetensors write is regular enough to be looked through like this.
Result<void> load(File const& file) {
  auto const bad = [&file](std::string const& why) {
    return make_error(ErrorKind::corrupt, file.path() + " is no safetensors file: " + why);
  };
  std::uint64_t length = 0;  // little endian, as this machine
  auto const got = file.read_at(std::as_writable_bytes(std::span(&length, 1)), 0);
  if (!got) return got.error();
  if (*got != sizeof length || length > kHeaderMax || length > file.size() - sizeof length)
    return bad("its header does not fit");
  std::string header(length, '\0');
  auto const read = file.read_at(std::as_writable_bytes(std::span(header)), sizeof length);
  if (!read) return read.error();
  Mapping const mapping(file);
  if (!mapping.valid()) return make_error(ErrorKind::io, "map " + file.path() + ": " + std::strerror(errno));
  auto const data = mapping.bytes().subspan(sizeof length + length);

  constexpr std::string_view kOffsets = "\"data_offsets\":[";
  for (auto at = header.find(kOffsets); at != std::string::npos; at = header.find(kOffsets, at + 1)) {
    auto const object = header.rfind(":{", at);  // "NAME":{"dtype":...,"data_offsets":[FROM,TO]}
    if (object == std::string::npos || object < 2) return bad("its header is not a map of tensors");
    auto const quote = header.rfind('"', object - 2);
    std::size_t from = 0, to = 0;
    if (std::sscanf(header.c_str() + at + kOffsets.size(), "%zu,%zu", &from, &to) != 2 || from > to || to > data.size())
      return bad("a tensor lies outside of it");
    std::cout << "tensor " << header.substr(quote + 1, object - quote - 2) << " " << to - from << " "
              << sum(data.subspan(from, to - from)) << "\n";
  }
  return {};
}

/// One pass over one file of data, a batch at a time.
Result<void> train(File const& file) {
  std::string batch(kBatch, '\0');
  std::uint64_t total = 0, batches = 0;
  for (std::uint64_t at = 0; at < file.size(); at += kBatch, ++batches) {
    auto const got = file.read_at(std::as_writable_bytes(std::span(batch)), at);
    if (!got) return got.error();
    total += sum(std::as_bytes(std::span(batch.data(), *got)));
  }
  std::cout << "data " << file.path().substr(file.path().rfind('/') + 1) << " " << batches << " " << total << "\n";
  return {};
}

int run(Client& client, Caller const& caller, std::string const& model, std::string const& data) {
  EnsureRequest weights;
  weights.caller = caller;
  weights.repo.id = model;
  weights.selection.allow = {"*.safetensors"};
  weights.require_verified = true;
  auto fetching = client.ensure_async(weights);
  while (!fetching.wait_for(10s)) std::cerr << "still waiting for " << model << "\n";  // or give up: fetching.cancel()
  auto const fetched = fetching.get();
  if (!fetched) return fail(fetched.error());
  for (auto const& location : fetched->files) {
    auto const file = File::open(location.absolute_path);
    if (!file) return fail(file.error());
    auto const loaded = load(*file);
    if (!loaded) return fail(loaded.error());
  }

  PlanRequest listing;  // names the files, moves none
  listing.caller = caller;
  listing.repo = {RepoType::dataset, data, ""};
  listing.selection.allow = {"*.bin"};
  auto const plan = client.plan(listing);
  if (!plan) return fail(plan.error());
  Repo const repo{RepoType::dataset, data, plan->commit};  // the same commit to the end, whatever is pushed meanwhile
  auto const open = [&](std::size_t i) { return client.open_async({caller, repo, plan->files[i].path}); };
  std::optional<Future<File>> next;
  if (!plan->files.empty()) next = open(0);
  for (std::size_t i = 0; i < plan->files.size(); ++i) {
    auto const file = next->get();
    if (!file) return fail(file.error());
    if (i + 1 < plan->files.size()) next = open(i + 1);  // comes while we train
    auto const trained = train(*file);
    if (!trained) return fail(trained.error());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return fail(make_error(ErrorKind::bad_request, "usage: training_loop WEIGHTS_REPO DATA_REPO"));
  auto const variables = process_variables();
  auto const options = Client::options_from(variables);
  if (!options) return fail(options.error());
  auto const client = Client::connect(*options);
  if (!client) return fail(client.error());
  return run(**client, caller_from(variables), argv[1], argv[2]);
}
