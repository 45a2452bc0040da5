// SPDX-License-Identifier: Apache-2.0
#include "client/cli/file_listing.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>

#include "client/cli/text.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kSizeColumn = 12, kDateColumn = 19;

std::string text_of(json::value const& entry, char const* name) {
  auto const* const found = entry.get_object().if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string().c_str()) : std::string();
}

std::string size_text(json::value const& entry, bool human) {
  auto const* const found = entry.get_object().if_contains("size");
  if (found == nullptr || !found->is_number()) return "";
  auto const bytes = found->is_uint64() ? found->get_uint64() : static_cast<std::uint64_t>(found->get_int64());
  if (!human) return std::to_string(bytes);
  if (bytes < 1000) return std::to_string(bytes) + " B";
  auto size = static_cast<double>(bytes);
  constexpr std::array<char const*, 5> units{"B", "KB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (size >= 1000 && unit < units.size()) {
    size /= 1000;
    ++unit;
  }
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", size, unit < units.size() ? units[unit] : "PB");
  return text.data();
}

std::string date_text(json::value const& entry, bool human) {
  auto const* const commit = entry.get_object().if_contains("last_commit");
  if (commit == nullptr || !commit->is_object()) return "";
  auto const iso = text_of(*commit, "date");
  if (iso.size() < kDateColumn || iso[10] != 'T') return printable(iso);
  if (!human) return iso.substr(0, 10) + " " + iso.substr(11, 8);
  constexpr std::array<char const*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto const month = static_cast<std::size_t>((iso[5] - '0') * 10 + (iso[6] - '0'));
  if (month < 1 || month > months.size()) return printable(iso);
  return std::string(months[month - 1]) + " " + iso.substr(8, 2) + " " + iso.substr(11, 5);
}

std::string right(std::string const& text, std::size_t width) {
  return std::string(width - std::min(width, text_width(text)), ' ') + text;
}

std::string path_of(json::value const& entry) {
  return printable(text_of(entry, "path")) + (is_folder(entry) ? "/" : "");
}

/// A folder of the drawing; an entry is null where only something below it was listed.
struct Node {
  json::value const* file = nullptr;
  bool folder = false;
  std::map<std::string, std::unique_ptr<Node>> children;
};

struct Drawing {
  bool human;
  bool unicode;
  std::size_t size_width;
  std::size_t date_width;
  bool bare;  // neither size nor date
  std::vector<std::string> lines;

  void draw(Node const& node, std::string const& indent) {
    std::size_t left = node.children.size();
    for (auto const& [name, child] : node.children) {
      bool const last = --left == 0;
      auto const* const connector = unicode ? (last ? "└── " : "├── ") : (last ? "`-- " : "|-- ");
      std::string line;
      if (!bare) {
        auto const size = child->file == nullptr ? std::string() : size_text(*child->file, human);
        auto const date = child->file == nullptr ? std::string() : date_text(*child->file, human);
        line = right(size, size_width) + "  " + right(date, date_width) + "  ";
      }
      lines.push_back(line + indent + connector + printable(name) + (child->folder ? "/" : ""));
      draw(*child, indent + (last ? "    " : unicode ? "│   " : "|   "));
    }
  }
};

}  // namespace

bool is_folder(json::value const& entry) {
  return entry.get_object().contains("tree_id");
}

std::vector<std::string> listing_lines(json::array const& entries, bool human) {
  std::vector<std::string> lines;
  for (auto const& entry : entries)
    lines.push_back(right(is_folder(entry) ? "" : size_text(entry, human), kSizeColumn) + "  " +
                    right(date_text(entry, human), kDateColumn) + "  " + path_of(entry));
  return lines;
}

std::vector<std::string> listing_paths(json::array const& entries) {
  std::vector<std::string> lines;
  for (auto const& entry : entries) lines.push_back(path_of(entry));
  return lines;
}

std::vector<std::string> tree_lines(json::array const& entries, bool human, bool bare, bool unicode) {
  Node root;
  std::size_t size_width = 0;
  std::size_t date_width = 0;
  for (auto const& entry : entries) {
    auto const path = text_of(entry, "path");
    auto* node = &root;
    for (std::size_t from = 0; from <= path.size();) {
      auto const slash = std::min(path.find('/', from), path.size());
      auto& child = node->children[path.substr(from, slash - from)];
      if (!child) child = std::make_unique<Node>();
      node = child.get();
      if (slash < path.size() || is_folder(entry)) node->folder = true;
      from = slash + 1;
    }
    if (is_folder(entry)) continue;
    node->file = &entry;
    size_width = std::max(size_width, text_width(size_text(entry, human)));
    date_width = std::max(date_width, text_width(date_text(entry, human)));
  }
  Drawing drawing{human, unicode, size_width, date_width, bare || size_width == 0, {}};
  drawing.draw(root, "");
  return drawing.lines;
}

}  // namespace hubd::cli
