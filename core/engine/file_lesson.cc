// SPDX-License-Identifier: Apache-2.0
#include "core/engine/file_lesson.h"

#include <algorithm>

#include "core/engine/inspect.h"

namespace hubd::engine {
namespace {

constexpr std::size_t block_size = 1_MiB;

/// Until the content's own id is known.
ContentId unknown_id() { return *ContentId::parse(std::string(64, '0')); }

}  // namespace

FileLesson::FileLesson(std::string path, std::unique_ptr<fs::File> file, fs::Stat const& before)
    : path_(std::move(path)), file_(std::move(file)), before_(before), buffer_(block_size), lesson_(unknown_id(), before.size) {}

Result<std::unique_ptr<FileLesson>> FileLesson::open(fs::FileSystem& files, std::string path) {
  auto file = files.open(path, fs::OpenMode::read, 0, true);
  if (!file) return file.error();
  auto const stat = (*file)->stat();
  if (!stat) return stat.error();
  if (stat->type != fs::Stat::Type::regular) return fail(ErrorKind::bad_request, path + " is no regular file");
  return std::unique_ptr<FileLesson>(new FileLesson(std::move(path), std::move(*file), *stat));
}

Result<Bytes> FileLesson::read(Bytes most) {
  Bytes taken = 0;
  while (taken < most) {
    auto const count = file_->read_at(at_, buffer_.span());
    if (!count) return count.error();
    if (*count == 0) break;
    auto const data = buffer_.span().first(static_cast<std::size_t>(*count));
    hasher_.update(data);
    lesson_.update(data);
    at_ += *count;
    taken += *count;
  }
  return taken;
}

Result<FileLesson::Learned> FileLesson::finish(Ledger& ledger, store::Store& store) {
  auto const after = file_->stat();
  if (!after) return after.error();
  if (!same_bytes(before_, *after) || at_ != before_.size)
    return fail(ErrorKind::busy, path_ + " was changed by another program while hubd read it; adopt it again when it rests");
  auto recipe = lesson_.finish();
  recipe.id = *ContentId::parse(hasher_.finish().hex());
  auto const& etag = recipe.id.etag();
  if (!store.has(etag)) {  // one that came by the Xet route says more
    auto const added = store.add(recipe);
    if (!added) return added.error();
  }
  ledger.record(*after, etag, true, path_);
  return Learned{etag, recipe.file.text(), recipe.chunks.size()};
}

}  // namespace hubd::engine
