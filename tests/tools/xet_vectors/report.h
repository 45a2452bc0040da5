// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json.hpp>
#include <functional>
#include <initializer_list>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hubd::vectors {

namespace json = boost::json;

/// A case does not hold; caught where cases are counted.
struct Mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, std::string const& what) {
  if (!holds) throw Mismatch(what);
}
template <class A, class B>
void require_equal(A const& ours, B const& expected, std::string const& what) {
  if (!(ours == expected)) throw Mismatch(what + " is another");
}
inline void require_text(std::string const& ours, std::string const& expected, std::string const& what) {
  if (ours != expected) throw Mismatch(what + " is " + ours.substr(0, 80) + ", expected " + expected.substr(0, 80));
}
inline void require_number(std::uint64_t ours, std::uint64_t expected, std::string const& what) {
  if (ours != expected) throw Mismatch(what + " is " + std::to_string(ours) + ", expected " + std::to_string(expected));
}

inline std::string text_of(json::value const& value) {
  auto const& text = value.as_string();
  return std::string(text.data(), text.size());
}
inline std::uint64_t number_of(json::value const& value) {
  return value.to_number<std::uint64_t>();
}

/// The fields of a case, none of which may go unread: what this program does not know, it cannot have checked.
inline void only_known(json::object const& object, std::initializer_list<std::string_view> known) {
  for (auto const& [key, value] : object) {
    bool found = false;
    for (auto const name : known) found = found || name == std::string_view(key.data(), key.size());
    if (!found) throw Mismatch("field " + std::string(key) + " is not known");
  }
}

class Report {
 public:
  /// Runs one case and counts it.
  void run(std::string const& name, std::function<void()> const& check) {
    try {
      check();
      ++passed_;
    } catch (std::exception const& error) {
      ++failed_;
      std::cout << "FAILED " << name << ": " << error.what() << '\n';
    }
  }
  /// One case for each element.
  void each(std::string const& kind, json::value const& list, std::function<void(json::object const&)> const& check) {
    std::size_t i = 0;
    if (!list.is_array()) return run(kind, [] { throw Mismatch("it is not a list"); });
    for (auto const& one : list.get_array()) {
      auto const* object = one.if_object();
      auto const* name = object != nullptr ? object->if_contains("name") : nullptr;
      auto const label = kind + "/" + (name != nullptr && name->is_string() ? text_of(*name) : std::to_string(i));
      run(label, [&] { check(one.as_object()); });
      ++i;
    }
  }
  [[nodiscard]] std::size_t passed() const { return passed_; }
  [[nodiscard]] std::size_t failed() const { return failed_; }

 private:
  std::size_t passed_ = 0;
  std::size_t failed_ = 0;
};

}  // namespace hubd::vectors
