// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <utility>

namespace hubd {

/// A token. Has no stream operator and no implicit conversion, so that it cannot slip into a log or an error text;
/// wiped when destroyed.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(Secret const&) = default;
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
  Secret& operator=(Secret const& other) {
    if (this != &other) {
      wipe();
      value_ = other.value_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      value_ = std::move(other.value_);
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  [[nodiscard]] bool empty() const { return value_.empty(); }
  /// The token itself; only for the header that carries it and the file that stores it.
  [[nodiscard]] std::string const& reveal() const { return value_; }
  friend bool operator==(Secret const&, Secret const&) = default;

 private:
  void wipe() noexcept;
  std::string value_;
};

}  // namespace hubd
