// SPDX-License-Identifier: Apache-2.0
#include "core/cache/local_dir.h"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "core/cache/layout.h"
#include "core/cache/small_file.h"
#include "core/cache/trees.h"

namespace hubd::cache {
namespace {

constexpr Bytes metadata_size_max = 4_KiB;

std::string folder_of(std::string const& path) { return path.substr(0, path.find_last_of('/')); }
std::string name_of(std::string const& path) { return path.substr(path.find_last_of('/') + 1); }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\f\v";
  auto const begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

struct Note {
  LocalDir::Metadata metadata;
  double timestamp = 0;  // seconds since 1970
};

/// The first three lines: commit, etag, time. Nothing when they are not that.
std::optional<Note> parse_note(std::string_view text) {
  std::array<std::string_view, 3> lines;
  for (auto& line : lines) {
    auto const end = text.find('\n');
    line = trimmed(text.substr(0, end));
    if (line.empty()) return std::nullopt;
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  Note note;
  note.metadata.commit = lines[0];
  note.metadata.etag = lines[1];
  auto const [end, code] = std::from_chars(lines[2].data(), lines[2].data() + lines[2].size(), note.timestamp);
  if (code != std::errc() || end != lines[2].data() + lines[2].size()) return std::nullopt;
  return note;
}

/// The name under which the stock client fills a file: URL-safe base64 of the SHA-1 of the metadata file's name, the etag,
/// eight digits.
std::string temporary_name(std::string const& metadata_name, std::string const& etag, Random& random) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(metadata_name.data(), metadata_name.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> base64{};
  auto const length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(size));
  std::string name(base64.begin(), base64.begin() + length);
  for (auto& c : name) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return name + "." + etag + "." + random.hex(8) + ".incomplete";
}

std::string seconds_text(WallTime time) {
  auto const micros = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%lld.%06lld", static_cast<long long>(micros / 1'000'000),
                static_cast<long long>(micros % 1'000'000));
  return text.data();
}

/// A local_dir's own paths.
struct Places {
  explicit Places(std::string const& folder) : own(folder + "/.cache/huggingface") {}
  std::string metadata(std::string const& path) const { return own + "/download/" + path + ".metadata"; }
  std::string lock(std::string const& path) const { return own + "/download/" + path + ".lock"; }
  std::string tree(Commit const& commit) const { return own + "/trees/" + commit.hex() + ".json"; }
  std::string own;
};

Result<void> prepare(fs::FileSystem& files, Places const& places, std::string const& path) {
  auto const made = files.make_directories(folder_of(places.metadata(path)));
  if (!made) return made;
  write_cachedir_tag(files, places.own);
  auto const ignore = places.own + "/.gitignore";
  if (files.lstat(ignore)) return {};
  auto const file = files.open(ignore, fs::OpenMode::create_exclusive);
  if (file) (void)(*file)->write_at(0, as_bytes("*"));
  return {};
}

Result<std::unique_ptr<fs::Lock>> take_lock(fs::FileSystem& files, Places const& places, std::string const& path) {
  auto lock = files.try_lock(places.lock(path));
  if (lock && !*lock)
    return fail(ErrorKind::busy, places.lock(path) + " is held by another process, which downloads the same file here");
  return lock;
}

Result<void> write_note(fs::FileSystem& files, Random& random, Clock const& clock, Places const& places,
                        std::string const& path, Commit const& commit, std::string const& etag) {
  auto const text = commit.hex() + "\n" + etag + "\n" + seconds_text(clock.wall()) + "\n";
  auto const place = places.metadata(path);
  return fs::write_file_atomic(files, place, folder_of(place) + "/tmp" + random.hex(8) + ".tmp", text, 0666, false);
}

/// Puts a copy of `source` at `to`, by way of `temporary`, durably.
Result<void> copy_to(fs::FileSystem& files, std::string const& source, std::string const& temporary,
                     std::string const& to) {
  auto const copied = files.copy(source, temporary);
  if (!copied) return copied;
  auto const done = [&]() -> Result<void> {
    auto const file = files.open(temporary, fs::OpenMode::read_write);
    if (!file) return file.error();
    auto const synced = (*file)->sync();
    if (!synced) return synced;
    return files.rename(temporary, to);
  }();
  if (!done) (void)files.remove(temporary);
  return done;
}

/// Renames `source` to `to` with the mode of a new file, durably. False when it lies on another file system.
Result<bool> move_to(fs::FileSystem& files, Random& random, std::string const& source, std::string const& folder,
                     std::string const& to) {
  auto const mode = measure_file_mode(files, folder + "/tmp" + random.hex(8) + ".tmp");
  if (!mode) return mode.error();
  auto const file = files.open(source, fs::OpenMode::read_write);
  if (!file) return file.error();
  auto const set = (*file)->set_mode(*mode);
  if (!set) return set.error();
  auto const synced = (*file)->sync();
  if (!synced) return synced.error();
  auto const renamed = files.rename(source, to);
  if (renamed) return true;
  if (renamed.error().cause == std::errc::cross_device_link) return false;
  return renamed.error();
}

}  // namespace

LocalDir::LocalDir(fs::FileSystem& files, Random& random, Clock const& clock, std::string folder)
    : files_(files), random_(random), clock_(clock), folder_(std::move(folder)) {}

Result<std::optional<LocalDir::Found>> LocalDir::find(std::string const& path) {
  auto const nothing = std::optional<Found>();
  auto const valid = check_repo_path(path);
  if (!valid) return valid.error();
  auto const stat = files_.stat(file(path));
  if (!stat) {
    if (is_absent(stat.error())) return nothing;
    return stat.error();
  }
  if (stat->type != fs::Stat::Type::regular) return nothing;
  Found found;
  found.stat = *stat;

  Places const places(folder_);
  auto const place = places.metadata(path);
  auto const read = [&] { return read_small_file(files_, place, metadata_size_max); };
  auto text = read();
  if (!text) return text.error();
  if (*text && !parse_note(**text)) {
    // Stock clients write it in place, under the lock: what looks broken may be half written at this moment.
    auto const lock = files_.try_lock(places.lock(path));
    if (!lock || !*lock) return std::optional(found);
    text = read();
    if (!text) return text.error();
    if (*text && !parse_note(**text)) {
      (void)files_.remove(place);
      return std::optional(found);
    }
  }
  if (!*text) return std::optional(found);
  auto const note = parse_note(**text);
  auto const modified = static_cast<double>(stat->mtime_ns) / 1e9;
  if (modified - 1 <= note->timestamp) found.metadata = note->metadata;
  return std::optional(std::move(found));
}

Result<void> LocalDir::note(std::string const& path, Commit const& commit, std::string const& etag) {
  auto const valid = check_repo_path(path);
  if (!valid) return valid;
  Places const places(folder_);
  auto const prepared = prepare(files_, places, path);
  if (!prepared) return prepared;
  auto const lock = take_lock(files_, places, path);
  if (!lock) return lock.error();
  return write_note(files_, random_, clock_, places, path, commit, etag);
}

Result<void> LocalDir::place(std::string const& path, Commit const& commit, std::string const& etag,
                             std::string const& source, bool move) {
  auto const valid_path = check_repo_path(path);
  if (!valid_path) return valid_path;
  auto const valid_etag = check_etag(etag);
  if (!valid_etag) return valid_etag;
  Places const places(folder_);
  auto const prepared = prepare(files_, places, path);
  if (!prepared) return prepared;
  auto const target = file(path);
  auto const made = files_.make_directories(folder_of(target));
  if (!made) return made;
  auto const lock = take_lock(files_, places, path);
  if (!lock) return lock.error();

  auto const metadata = places.metadata(path);
  bool moved = false;
  if (move) {
    auto const done = move_to(files_, random_, source, folder_of(metadata), target);
    if (!done) return done.error();
    moved = *done;
  }
  if (!moved) {
    auto const temporary = folder_of(metadata) + "/" + temporary_name(name_of(metadata), etag, random_);
    auto const copied = copy_to(files_, source, temporary, target);
    if (!copied) return copied;
    if (move) {
      auto const removed = files_.remove(source);
      if (!removed) return removed;
    }
  }
  auto const synced = files_.sync_directory(folder_of(target));
  if (!synced) return synced;
  return write_note(files_, random_, clock_, places, path, commit, etag);
}

Result<std::optional<Listing>> LocalDir::read_tree(Commit const& commit) {
  return read_tree_file(files_, Places(folder_).tree(commit));
}

Result<void> LocalDir::write_tree(Commit const& commit, Listing const& listing) {
  auto const path = Places(folder_).tree(commit);
  if (files_.stat(path)) return {};
  auto const made = files_.make_directories(folder_of(path));
  if (!made) return made;
  return write_tree_file(files_, random_, path, listing);
}

}  // namespace hubd::cache
