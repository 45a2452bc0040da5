// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>

#include "core/sched/line.h"

namespace hubd::engine {

/// Room for so many transfers at work; the others stand in line, holding no file, no lock and no room on the disk. Whose turn it is
/// `sched::Line` decides. All on one executor. Dies after every Place.
class Places {
 public:
  using Who = sched::Line::Who;
  explicit Places(std::size_t max) : order_(max) {}

  /// In the line from the beginning, or held; given back at the end.
  class Place {
   public:
    /// `granted` is called once, also from within the constructor.
    Place(Places& all, Who who, std::function<void()> granted)
        : all_(all), granted_(std::move(granted)), ticket_(all.order_.ask(who)) {
      all_.line_.emplace(ticket_, this);
      all_.pump();
    }
    ~Place() {
      all_.line_.erase(ticket_);
      all_.order_.leave(ticket_);
      all_.pump();
    }
    Place(Place const&) = delete;
    Place& operator=(Place const&) = delete;
    [[nodiscard]] bool held() const { return held_; }
    void change(sched::Priority priority, bool awaited) {
      all_.order_.change(ticket_, priority, awaited);
      all_.pump();
    }

   private:
    friend class Places;
    Places& all_;
    std::function<void()> granted_;
    sched::Line::Ticket ticket_;
    bool held_ = false;
  };

  [[nodiscard]] std::size_t max() const { return order_.places(); }
  [[nodiscard]] std::size_t held() const { return order_.held(); }
  [[nodiscard]] std::size_t waiting() const { return order_.waiting(); }

 private:
  void pump() {
    while (auto const ticket = order_.grant()) {
      auto const found = line_.find(*ticket);
      auto& place = *found->second;
      line_.erase(found);
      place.held_ = true;
      place.granted_();
    }
  }

  sched::Line order_;
  std::map<sched::Line::Ticket, Place*> line_;  // those that wait
};

}  // namespace hubd::engine
