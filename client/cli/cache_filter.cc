// SPDX-License-Identifier: Apache-2.0
#include "client/cli/cache_filter.h"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

#include "client/cli/text.h"

namespace hubd::cli {
namespace {

client::Error wrong(std::string_view what, std::string_view why) {
  return client::make_error(client::ErrorKind::bad_request,
                            "'" + std::string(what) + "' is not a valid " + std::string(why));
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

client::Result<CacheFilter> CacheFilter::parse(std::string_view text) {
  constexpr std::string_view usage =
      "filter; write KEY OP VALUE, such as size>1GB, accessed>30d, type=model or refs=main";
  auto const begin = text.find_first_of("=!<>");
  if (begin == std::string_view::npos) return wrong(text, usage);
  auto const key = lower(trim(text.substr(0, begin)));
  std::size_t length = 1;
  if (begin + 1 < text.size() && text[begin + 1] == '=') length = 2;
  auto const sign = text.substr(begin, length);
  auto const value = trim(text.substr(begin + length));
  if (value.empty()) return wrong(text, usage);

  CacheFilter filter;
  if (sign == "=") {
    filter.compare_ = Compare::equal;
  } else if (sign == "!=") {
    filter.compare_ = Compare::differs;
  } else if (sign == ">") {
    filter.compare_ = Compare::above;
  } else if (sign == "<") {
    filter.compare_ = Compare::below;
  } else if (sign == ">=") {
    filter.compare_ = Compare::at_least;
  } else if (sign == "<=") {
    filter.compare_ = Compare::at_most;
  } else {
    return wrong(text, usage);
  }

  if (key == "type" || key == "refs") {
    if (filter.compare_ != Compare::equal) return wrong(text, "filter: " + key + " takes only =");
    filter.key_ = key == "type" ? Key::type : Key::refs;
    filter.text_ = key == "type" ? lower(value) : std::string(value);
    return filter;
  }
  if (key == "size") {
    auto const size = parse_size(value);
    if (!size) return wrong(value, "size; write a whole number and k, M, G, T or P");
    filter.key_ = Key::size;
    filter.number_ = static_cast<std::int64_t>(
        std::min<std::uint64_t>(*size, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
    return filter;
  }
  if (key == "accessed" || key == "modified") {
    auto const age = parse_duration(value);
    if (!age) return wrong(value, "age; write a whole number and s, m, h, d, w, mo or y");
    filter.key_ = key == "accessed" ? Key::accessed : Key::modified;
    filter.number_ = *age;
    return filter;
  }
  return wrong(text, usage);
}

bool CacheFilter::matches(CacheRow const& row, std::int64_t now_unix) const {
  std::int64_t left = 0;
  switch (key_) {
    case Key::type:
      return row.type == text_;
    case Key::refs:
      return std::find(row.refs.begin(), row.refs.end(), text_) != row.refs.end();
    case Key::size:
      left = static_cast<std::int64_t>(row.size);
      break;
    case Key::accessed:
    case Key::modified: {
      auto const when = key_ == Key::accessed ? row.accessed_unix : row.modified_unix;
      if (when == 0) return false;
      left = now_unix - when;
      break;
    }
  }
  switch (compare_) {
    case Compare::equal:
      return left == number_;
    case Compare::differs:
      return left != number_;
    case Compare::above:
      return left > number_;
    case Compare::below:
      return left < number_;
    case Compare::at_least:
      return left >= number_;
    case Compare::at_most:
      return left <= number_;
  }
  return false;
}

client::Result<void> sort_rows(std::vector<CacheRow>& rows, std::string_view order) {
  auto const colon = order.find(':');
  auto const key = order.substr(0, colon);
  auto const direction = colon == std::string_view::npos ? std::string_view() : order.substr(colon + 1);
  constexpr std::array<std::string_view, 4> keys{"accessed", "modified", "size", "name"};
  bool const known = std::find(keys.begin(), keys.end(), key) != keys.end();
  if (!known || (colon != std::string_view::npos && direction != "asc" && direction != "desc"))
    return wrong(order, "order; write accessed, modified, size or name, with :asc or :desc");
  bool const descending = direction.empty() ? key != "name" : direction == "desc";
  auto const before = [&](CacheRow const& a, CacheRow const& b) {
    if (key == "name") return lower(a.id) < lower(b.id);
    if (key == "size") return a.size < b.size;
    return key == "accessed" ? a.accessed_unix < b.accessed_unix : a.modified_unix < b.modified_unix;
  };
  // Rows that are equal by the key keep the order of their ids.
  std::sort(rows.begin(), rows.end(), [&](CacheRow const& a, CacheRow const& b) {
    if (before(a, b) || before(b, a)) return descending ? before(b, a) : before(a, b);
    return std::tie(a.id, a.revision) < std::tie(b.id, b.revision);
  });
  return {};
}

}  // namespace hubd::cli
