// SPDX-License-Identifier: Apache-2.0
#include "client/cli/output.h"

#include <algorithm>
#include <ostream>

#include "client/cli/json_text.h"
#include "client/cli/text.h"

namespace hubd::cli {
namespace json = boost::json;
namespace {

constexpr std::string_view kGreen = "32", kGrey = "90", kRed = "31", kYellow = "33";
constexpr std::size_t kCellMin = 4;

/// A value on one line, for people.
std::string cell_text(json::value const& value) {
  if (value.is_null()) return "";
  if (auto const* const text = value.if_string()) return printable(*text);
  if (auto const* const flag = value.if_bool()) return *flag ? "yes" : "";
  if (auto const* const list = value.if_array()) {
    std::vector<std::string> parts;
    for (auto const& part : *list) parts.push_back(cell_text(part));
    return join(parts, ", ");
  }
  if (auto const* const object = value.if_object())
    if (auto const* const name = object->if_contains("name"); name != nullptr && name->is_string())
      return cell_text(*name);
  return printable(to_text(value, kPythonJson));
}

/// "2026-01-01T00:00:00+00:00": of a date-time only the day is shown in tables.
bool is_date_time(std::string_view text) {
  std::string_view constexpr form = "0000-00-00T";
  if (text.size() < form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
  return true;
}

/// As cell_text, but false is said: fields have no column that explains an empty value.
std::string field_text(json::value const& value) {
  auto const* const flag = value.if_bool();
  return flag != nullptr ? (*flag ? "true" : "false") : cell_text(value);
}

bool all_numbers(Table const& table, std::size_t column) {
  return std::all_of(table.rows.begin(), table.rows.end(),
                     [&](auto const& row) { return row[column].is_number() || row[column].is_null(); });
}

/// Shortens the widest columns first until the line fits; never below the header and kCellMin.
void fit(std::vector<std::size_t>& widths, std::vector<std::string> const& columns, std::size_t width) {
  auto const total = [&] {
    std::size_t sum = widths.empty() ? 0 : widths.size() - 1;
    for (auto const one : widths) sum += one;
    return sum;
  };
  while (total() > width) {
    std::size_t widest = widths.size();
    for (std::size_t i = 0; i < widths.size(); ++i) {
      bool const may_shrink = widths[i] > std::max(text_width(columns[i]), kCellMin);
      if (may_shrink && (widest == widths.size() || widths[i] > widths[widest])) widest = i;
    }
    if (widest == widths.size()) return;
    --widths[widest];
  }
}

}  // namespace

/// A cell of a table for people: yes is a check mark, of a date-time the day.
std::string Output::cell(json::value const& value) const {
  auto const* const flag = value.if_bool();
  if (flag != nullptr && *flag && style_.unicode) return "\u2714";
  auto text = cell_text(value);
  return value.is_string() && is_date_time(text) ? text.substr(0, 10) : text;
}

/// A field of a result; hf writes Python's words.
std::string Output::field(json::value const& value) const {
  auto const* const flag = value.if_bool();
  return flag != nullptr && style_.as_hf ? (*flag ? "True" : "False") : field_text(value);
}

std::string Output::coloured(std::string_view text, std::string_view code) const {
  if (!style_.colour || style_.mode != Mode::human) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

void Output::text(std::string_view line) {
  if (style_.mode == Mode::human || style_.mode == Mode::agent) out_ << line << '\n';
}

void Output::raw(std::string_view line) {
  out_ << line << '\n';
}

void Output::table(Table const& table) {
  if (style_.mode == Mode::json) {
    auto items = table.items;
    if (items.empty()) {
      for (auto const& row : table.rows) {
        json::object item;
        for (std::size_t i = 0; i < row.size(); ++i) item[table.columns[i]] = row[i];
        items.emplace_back(std::move(item));
      }
    }
    json_line(items);
    return;
  }
  if (style_.mode == Mode::quiet) {
    if (!table.quiet.empty())
      for (auto const& line : table.quiet) out_ << printable(line) << '\n';
    else
      for (auto const& row : table.rows) out_ << cell_text(row[0]) << '\n';
    return;
  }
  if (table.rows.empty()) {
    out_ << table.empty_text << '\n';
    return;
  }
  if (style_.mode == Mode::agent) {
    out_ << join(table.columns, "\t") << '\n';
    for (auto const& row : table.rows) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i) line += (i == 0 ? "" : "\t") + field_text(row[i]);
      out_ << line << '\n';
    }
    return;
  }
  std::vector<std::size_t> widths;
  std::vector<std::vector<std::string>> cells;
  for (auto const& column : table.columns) widths.push_back(text_width(column));
  for (auto const& row : table.rows) {
    auto& line = cells.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      line.push_back(cell(row[i]));
      widths[i] = std::max(widths[i], text_width(line.back()));
    }
  }
  auto const whole = widths;
  if (style_.width > 0) fit(widths, table.columns, style_.width);
  auto const put = [&](std::vector<std::string> const& line) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      auto const cell = cut(line[i], widths[i]);
      std::string const space(widths[i] - text_width(cell), ' ');
      bool const right =
          all_numbers(table, i) || std::count(table.right.begin(), table.right.end(), table.columns[i]) > 0;
      text += (i == 0 ? "" : " ") + (right ? space + cell : cell + space);
    }
    if (!style_.as_hf) text.erase(text.find_last_not_of(' ') + 1);
    out_ << text << '\n';
  };
  std::vector<std::string> header;
  std::vector<std::string> dashes;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    header.push_back(upper(table.columns[i]));
    dashes.emplace_back(widths[i], '-');
  }
  put(header);
  put(dashes);
  for (auto const& line : cells) put(line);
  if (widths != whole) hint("Some cells were cut; --no-truncate shows all of them.");
}

void Output::result(std::string_view message, Fields const& fields) {
  switch (style_.mode) {
    case Mode::human:
      out_ << coloured(style_.unicode ? "\u2713" : "[OK]", kGreen) << ' ' << message << '\n';
      for (auto const& [key, value] : fields)
        if (!value.is_null()) out_ << "  " << key << ": " << field(value) << '\n';
      return;
    case Mode::agent: {
      if (fields.empty()) out_ << message << '\n';
      std::string line;
      for (auto const& [key, value] : fields)
        if (!value.is_null()) line += (line.empty() ? "" : " ") + key + "=" + field(value);
      if (!fields.empty()) out_ << line << '\n';
      return;
    }
    case Mode::json:
    case Mode::quiet:
      object(fields);
      return;
  }
}

void Output::object(Fields const& fields) {
  if (style_.mode == Mode::json) {
    json::object object;
    for (auto const& [key, value] : fields) object[key] = value;
    json_line(object);
  } else if (style_.mode == Mode::quiet) {
    if (!fields.empty()) out_ << field(fields.front().second) << '\n';
  } else if (style_.mode == Mode::agent) {
    for (auto const& [key, value] : fields) out_ << key << '=' << field_text(value) << '\n';
  } else {
    std::size_t width = 0;
    for (auto const& [key, value] : fields) width = std::max(width, text_width(key));
    for (auto const& [key, value] : fields) {
      auto line = key + ": " + std::string(width - text_width(key), ' ') + field_text(value);
      line.erase(line.find_last_not_of(' ') + 1);
      out_ << line << '\n';
    }
  }
}

void Output::document(json::object const& object, std::string_view id_key) {
  auto const* const id = object.if_contains(json::string_view(id_key.data(), id_key.size()));
  if (style_.mode == Mode::quiet && !style_.as_hf && id != nullptr)
    out_ << field_text(*id) << '\n';
  else
    json_line(object, style_.mode == Mode::human);
}

void Output::json_line(boost::json::value const& value, bool indented) {
  JsonStyle style;
  if (style_.as_hf) style = kPythonJson;
  if (indented) style = {true, style_.as_hf, 2};
  out_ << to_text(value, style) << '\n';
}

void Output::flush() { out_.flush(); }

void Output::warning(std::string_view sentence) {
  err_ << coloured("Warning: " + printable(sentence), kYellow) << '\n';
}

void Output::hint(std::string_view sentence) {
  if (style_.mode != Mode::quiet) err_ << coloured("Hint: " + printable(sentence), kGrey) << '\n';
}

void Output::note(std::string_view sentence) {
  if (style_.mode == Mode::human) err_ << printable(sentence) << '\n';
}

void Output::error_line(std::string_view kind, std::string_view sentence, json::object more) {
  out_.flush();
  if (style_.mode != Mode::json || style_.as_hf) {
    err_ << coloured("Error: " + printable(sentence), kRed) << std::endl;
    return;
  }
  json::object error;
  error["kind"] = kind;
  error["message"] = sentence;
  for (auto const& [key, value] : more) error[key] = value;
  json::object whole;
  whole["error"] = std::move(error);
  err_ << to_text(whole) << std::endl;
}

void Output::error(client::Error const& error) {
  json::object more;
  if (error.http_status != 0) more["http_status"] = error.http_status;
  if (!error.request_id.empty()) more["request_id"] = error.request_id;
  if (!error.host.empty()) more["host"] = error.host;
  if (error.retry_after) more["retry_after"] = error.retry_after->count();
  if (!error.hint.empty()) more["hint"] = error.hint;
  if (!error.call_id.empty()) more["call_id"] = error.call_id;
  auto sentence = error.message;
  bool const named = sentence.find(error.request_id) != std::string::npos;
  bool const object = style_.mode == Mode::json && !style_.as_hf;
  if (!object && !error.request_id.empty() && !named) sentence += " (request id " + error.request_id + ")";
  if (!object && !style_.as_hf && !error.call_id.empty()) sentence += " [call " + error.call_id + "]";
  error_line(name_of(error.kind), sentence, std::move(more));
  if (!object && !error.hint.empty()) hint(error.hint);
}

void Output::usage_error(std::string_view sentence) {
  error_line("usage", sentence, {});
}

}  // namespace hubd::cli
