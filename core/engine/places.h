// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>

#include "core/sched/admission.h"

namespace hubd::engine {

/// Room for so many transfers at work; the others stand in line, holding no file, no lock and no room on the disk. Whose turn it is
/// `sched::Admission` decides, as for connections: by principal, transfer and priority.
/// All on one executor. Dies after every Place.
class Places {
 public:
  explicit Places(std::size_t max) : admission_({max, max, 1}) {}

  /// In the line from the beginning, or held; given back at the end.
  class Place {
   public:
    /// `granted` is called once, also from within the constructor.
    Place(Places& all, sched::Admission::Who who, std::function<void()> granted)
        : all_(all), file_(who.file), granted_(std::move(granted)), ticket_(all.admission_.ask(std::move(who))) {
      all_.line_.emplace(ticket_, this);
      all_.pump();
    }
    ~Place() {
      all_.line_.erase(ticket_);
      all_.admission_.leave(ticket_);
      all_.pump();
    }
    Place(Place const&) = delete;
    Place& operator=(Place const&) = delete;
    [[nodiscard]] bool held() const { return held_; }
    void raise(sched::Priority priority) { all_.admission_.set_priority(file_, priority); }

   private:
    friend class Places;
    Places& all_;
    sched::FileKey file_;
    std::function<void()> granted_;
    sched::Admission::Ticket ticket_;
    bool held_ = false;
  };

  [[nodiscard]] std::size_t max() const { return admission_.limits().total; }
  [[nodiscard]] std::size_t held() const { return admission_.in_use(); }
  [[nodiscard]] std::size_t waiting() const { return admission_.waiting(); }

 private:
  void pump() {
    while (auto const ticket = admission_.grant()) {
      auto& place = *line_.at(*ticket);
      place.held_ = true;
      place.granted_();
    }
  }

  sched::Admission admission_;
  std::map<sched::Admission::Ticket, Place*> line_;
};

}  // namespace hubd::engine
