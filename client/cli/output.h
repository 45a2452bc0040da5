// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/value.hpp>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/error.h"

namespace hubd::cli {

/// How answers look; `hf`'s four modes.
enum class Mode { human, agent, json, quiet };

struct Style {
  Mode mode = Mode::human;
  bool colour = false;    ///< of stdout and stderr; human mode only
  bool unicode = true;    ///< a check mark may be shown
  std::size_t width = 0;  ///< tables are cut to it; 0: never
  bool as_hf = false;     ///< byte for byte as `hf` writes: its JSON, its errors as text in every form
};

using Fields = std::vector<std::pair<std::string, boost::json::value>>;

/// Rows for people and programs at once. Each cell is text, a number, a bool, null or a list of texts.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<boost::json::value>> rows;
  boost::json::array items{};        ///< json mode; empty: built from columns and rows
  std::vector<std::string> quiet{};  ///< quiet mode: one per line; empty: the first cell of each row
  std::string empty_text = "No results found.";
  std::vector<std::string> right{};  ///< columns of sizes, set to the right as numbers are
};

/// Writes answers to `out` and everything else to `err`, in the style asked for. One thread at a time.
class Output {
 public:
  Output(Style style, std::ostream& out, std::ostream& err) : style_(style), out_(out), err_(err) {}

  [[nodiscard]] Mode mode() const { return style_.mode; }
  [[nodiscard]] Style const& style() const { return style_; }

  /// A line for people; not in json and quiet.
  void text(std::string_view line);
  /// A line exactly as it is, in every mode.
  void raw(std::string_view line);
  void table(Table const& table);
  /// human: a check mark, the message, "  key: value" lines; agent: key=value; json: an object; quiet: the first value.
  void result(std::string_view message, Fields const& fields);
  /// human: aligned "key: value" lines; agent: key=value lines; json: an object; quiet: the first value.
  void object(Fields const& fields);
  /// A document of the Hub: JSON in every form, indented for people; in quiet only its member `id_key`, when it has one
  /// (not as hf, which prints all of it).
  void document(boost::json::object const& object, std::string_view id_key);
  /// JSON, indented as hf writes file listings or on one line.
  void json_line(boost::json::value const& value, bool indented = false);

  /// For who prints now and then: what was printed is on its way.
  void flush();

  void warning(std::string_view sentence);
  /// Not in quiet mode.
  void hint(std::string_view sentence);
  /// A line on stderr; human mode only.
  void note(std::string_view sentence);
  /// One line: `Error: sentence`; json: {"error": {"kind", "message", ...}}.
  void error(client::Error const& error);
  /// The same for a wrong command line: its kind is "usage".
  void usage_error(std::string_view sentence);

 private:
  void error_line(std::string_view kind, std::string_view sentence, boost::json::object more);
  [[nodiscard]] std::string cell(boost::json::value const& value) const;
  [[nodiscard]] std::string field(boost::json::value const& value) const;
  [[nodiscard]] std::string coloured(std::string_view text, std::string_view code) const;

  Style style_;
  std::ostream& out_;
  std::ostream& err_;
};

}  // namespace hubd::cli
