// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json.hpp>
#include <limits>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/xet/merkle_hash.h"

namespace hubd::xet {

/// Reads fields out of JSON from outside. The first thing that is wrong is kept, what follows reads as empty; so
/// callers read on and ask problem() at the end of each record. Private to the room: no header of it shows Boost.JSON.
class JsonFields {
 public:
  static constexpr std::size_t kDepthMax = 16;

  [[nodiscard]] std::string const& problem() const { return problem_; }
  void blame(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }

  /// The document; an empty object when it is none or larger than `size_max`.
  boost::json::object parse(std::string_view text, std::size_t size_max) {
    if (text.size() > size_max) {
      blame("it is " + std::to_string(text.size()) + " bytes long, more than the " + std::to_string(size_max) +
            " allowed");
      return {};
    }
    boost::json::error_code error;
    boost::json::parse_options options;
    options.max_depth = kDepthMax;
    auto value = boost::json::parse(boost::json::string_view(text.data(), text.size()), error, {}, options);
    if (error)
      blame("it is not JSON (" + error.message() + ")");
    else if (!value.is_object())
      blame("it is not a JSON object");
    else
      return std::move(value.get_object());
    return {};
  }

  /// Whole and at most `max`.
  Bytes number(boost::json::object const& object, char const* key,
               Bytes max = static_cast<Bytes>(std::numeric_limits<std::int64_t>::max())) {
    auto const* value = object.if_contains(key);
    if (value != nullptr && value->is_int64() && value->get_int64() >= 0 &&
        static_cast<Bytes>(value->get_int64()) <= max)
      return static_cast<Bytes>(value->get_int64());
    blame(std::string(key) +
          (value != nullptr && (value->is_int64() || value->is_uint64()) ? " is out of range" : " is not a number"));
    return 0;
  }
  bool flag(boost::json::object const& object, char const* key) {
    auto const* value = object.if_contains(key);
    if (value != nullptr && value->is_bool()) return value->get_bool();
    blame(std::string(key) + " is neither true nor false");
    return false;
  }
  std::string text(boost::json::object const& object, char const* key) {
    auto const* value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) {
      blame(std::string(key) + " is not a text");
      return {};
    }
    auto const& string = value->get_string();
    return std::string(string.data(), string.size());
  }
  MerkleHash hash(std::string_view text, char const* name) {
    auto const parsed = MerkleHash::parse(text);
    if (!parsed) blame(std::string(name) + " is not 64 hex digits");
    return parsed.value_or(MerkleHash{});
  }
  boost::json::array const& list(boost::json::object const& object, char const* key) {
    static boost::json::array const none;
    auto const* value = object.if_contains(key);
    if (value != nullptr && value->is_array()) return value->get_array();
    blame(std::string(key) + " is not a list");
    return none;
  }
  boost::json::object const& member(boost::json::object const& object, char const* key) {
    static boost::json::value const none;
    auto const* value = object.if_contains(key);
    return as_object(value == nullptr ? none : *value, key);
  }
  boost::json::object const& as_object(boost::json::value const& value, char const* name) {
    static boost::json::object const none;
    if (auto const* object = value.if_object()) return *object;
    blame(std::string(name) + " is not an object");
    return none;
  }

 private:
  std::string problem_;
};

}  // namespace hubd::xet
