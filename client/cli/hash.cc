// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "client/cli/commands.h"
#include "client/cli/text.h"
#include "core/hash/git_blob_hasher.h"
#include "core/hash/hasher.h"
#include "core/xet/file_hasher.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using client::ErrorKind;
using client::make_error;

constexpr std::size_t kBlock = 1U << 20U;  // what is read at once; nothing else grows with a file

struct Options {
  std::vector<std::string> files;
  bool chunks = false;
};

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

client::Error read_error(std::string const& path, std::string const& what) {
  auto const code = errno;
  auto kind = ErrorKind::io;
  std::string next = "check the disk";
  if (code == ENOENT || code == ENOTDIR || code == ENAMETOOLONG || code == ELOOP) {
    kind = ErrorKind::bad_request;
    next = "check the name";
  }
  if (code == EACCES || code == EPERM) {
    kind = ErrorKind::permission_denied;
    next = "ask its owner for the right to read it";
  }
  return make_error(kind, path + " cannot be " + what + ": " + std::strerror(code) + "; " + next);
}

/// Prints one file's chunks while they are found and its ids behind them, in the form asked for.
class Printer {
 public:
  Printer(Output& output, bool chunks) : output_(output), chunks_(chunks) {}

  void begin(std::string const& path) {
    offset_ = 0;
    number_ = 0;
    if (!chunks_) return;
    if (output_.mode() == Mode::json) {
      open_list();
      auto const head = json::serialize(json::object{{"path", path}});
      output_.raw(head.substr(0, head.size() - 1) + ",\"chunks\":[");
    }
    if (output_.mode() == Mode::human) output_.text(printable(path));
  }

  void chunk(xet::HashedSize const& chunk) {
    auto const hash = chunk.hash.text();
    if (chunks_) {
      switch (output_.mode()) {
        case Mode::json:
          output_.raw((number_ == 0 ? " " : ",") +
                      json::serialize(json::object{{"hash", hash}, {"offset", offset_}, {"length", chunk.size}}));
          break;
        case Mode::quiet:
          output_.raw(hash);
          break;
        case Mode::agent:
          output_.text("chunk=" + hash + " offset=" + std::to_string(offset_) +
                       " length=" + std::to_string(chunk.size));
          break;
        case Mode::human:
          output_.text("  " + hash + "  " + std::to_string(offset_) + " +" + std::to_string(chunk.size));
          break;
      }
    }
    offset_ += chunk.size;
    ++number_;
  }

  void end(Fields const& fields, std::string const& xet) {
    if (output_.mode() == Mode::quiet) {
      if (!chunks_) output_.raw(xet);
      return;
    }
    if (output_.mode() != Mode::json) {
      if (several_) output_.text("");
      output_.object(fields);
      several_ = true;
      return;
    }
    json::object object;
    for (auto const& [key, value] : fields)
      if (!chunks_ || key != "path") object[chunks_ && key == "chunks" ? "chunks_total" : key] = value;
    if (chunks_) {
      object["complete"] = true;
      return output_.raw("]," + json::serialize(object).substr(1));
    }
    open_list();
    output_.raw(json::serialize(object));
  }

  /// The file of the last begin() could not be read to its end.
  void broke_off() {
    if (chunks_ && output_.mode() == Mode::json) output_.raw("],\"complete\":false}");
  }

  void finish() {
    if (output_.mode() == Mode::json) output_.raw(listed_ ? "]" : "[]");
  }

 private:
  void open_list() {
    output_.raw(listed_ ? "," : "[");
    listed_ = true;
  }

  Output& output_;
  bool chunks_;
  bool listed_ = false;
  bool several_ = false;
  Bytes offset_ = 0;
  std::uint64_t number_ = 0;
};

client::Result<void> hash_file(std::string const& path, Printer& printer, std::span<std::byte> block) {
  Descriptor const file(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a pipe without a writer must not hold us
  if (file.number() < 0) return read_error(path, "opened");
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return read_error(path, "looked at");
  if (!S_ISREG(status.st_mode))
    return make_error(
        ErrorKind::bad_request,
        path + " is " + (S_ISDIR(status.st_mode) ? "a folder" : "not a regular file") + "; name regular files");
  ::posix_fadvise(file.number(), 0, 0, POSIX_FADV_SEQUENTIAL);
  auto const size = static_cast<Bytes>(status.st_size);
  hash::Sha256Hasher sha256;
  hash::GitBlobHasher git(size);
  xet::FileHasher xet;
  auto const found = [&printer](xet::HashedSize const& chunk) { printer.chunk(chunk); };
  printer.begin(path);
  Bytes total = 0;
  for (;;) {
    auto const count = ::read(file.number(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      auto const error = read_error(path, "read");
      printer.broke_off();
      return error;
    }
    if (count == 0) break;
    auto const bytes = block.first(static_cast<std::size_t>(count));
    sha256.update(bytes);
    git.update(bytes);
    xet.update(bytes, found);
    total += bytes.size();
    if (total > size) break;
  }
  auto const ids = xet.finish(found);
  if (total != size) {
    printer.broke_off();
    return make_error(ErrorKind::io, path + " changed while it was read; hash it again when nobody writes to it");
  }
  auto const id = ids.file.text();
  printer.end({{"path", json::value(path)},
               {"size", json::value(size)},
               {"sha256", json::value(sha256.finish().hex())},
               {"git_sha1", json::value(git.finish().hex())},
               {"xet", json::value(id)},
               {"chunks", json::value(ids.chunks)}},
              id);
  return {};
}

ExitCode run(Session& session, Options const& options) {
  std::vector<std::byte> block(kBlock);
  Printer printer(session.output(), options.chunks);
  auto code = ExitCode::ok;
  for (auto const& path : options.files) {
    auto const hashed = hash_file(path, printer, block);
    if (!hashed) code = session.fail(hashed.error());
  }
  printer.finish();
  return code;
}

}  // namespace

void add_hash(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const app = add_command(registrar, registrar.root, "hash",
                                "The ids that the Hub gives these files: SHA-256 (LFS), git blob id, Xet file id.\n"
                                "Asks nobody: neither hubd nor the Hub.",
                                "  hubctl hash model.safetensors\n"
                                "  hubctl hash model.safetensors --chunks\n"
                                "  hubctl hash *.safetensors --json");
  app->add_option("files", options->files, "Regular files")->required()->type_name("FILE");
  app->add_flag("--chunks", options->chunks, "Also each Xet chunk: its hash, offset and length");
  app->callback(
      [&registrar, options] { registrar.action = [options](Session& session) { return run(session, *options); }; });
}

}  // namespace hubd::cli
