// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/base/principal.h"
#include "core/net/async.h"
#include "daemon/event_queue.h"

namespace hubd::daemon {

/// One method of the API, apart from how it is carried.
struct Method {
  std::string name;  ///< "Downloads/Ensure", for the log
  std::function<MessagePtr()> new_request;
  /// One of the two is set. The request is consumed.
  std::function<Async<MessagePtr>(Principal, MessagePtr)> unary;
  std::function<Async<void>(Principal, MessagePtr, EventQueue&)> stream;
};

/// Every method under its path, "/hubd.v1.Downloads/Ensure": the services are implemented once, both transports look here.
/// Filled before the first call, then only read: safe from any thread. Methods run on the engine's executor.
class Registry {
 public:
  template <class Service, class Request, class Response>
  void unary(std::string path, Service& service, Async<Response> (Service::*function)(Principal, Request)) {
    Method method;
    method.new_request = [] { return std::make_unique<Request>(); };
    method.unary = [&service, function](Principal principal, MessagePtr request) {
      return call<Service, Request, Response>(service, function, principal, std::move(request));
    };
    add(std::move(path), std::move(method));
  }

  template <class Service, class Request, class Event>
  void stream(std::string path, Service& service,
              Async<void> (Service::*function)(Principal, Request, Sink<Event>&)) {
    Method method;
    method.new_request = [] { return std::make_unique<Request>(); };
    method.stream = [&service, function](Principal principal, MessagePtr request, EventQueue& queue) {
      return call_stream<Service, Request, Event>(service, function, principal, std::move(request), queue);
    };
    add(std::move(path), std::move(method));
  }

  /// Null for an unknown path.
  [[nodiscard]] Method const* find(std::string_view path) const {
    auto const found = methods_.find(path);
    return found == methods_.end() ? nullptr : &found->second;
  }

 private:
  void add(std::string path, Method method) {
    constexpr std::string_view package = "/hubd.v1.";
    method.name = path.starts_with(package) ? path.substr(package.size()) : path;
    methods_.emplace(std::move(path), std::move(method));
  }
  template <class Service, class Request, class Response>
  static Async<MessagePtr> call(Service& service, Async<Response> (Service::*function)(Principal, Request),
                                Principal principal, MessagePtr request) {
    auto calling = (service.*function)(principal, std::move(static_cast<Request&>(*request)));
    auto response = co_await std::move(calling);
    if (!response) co_return response.error();
    MessagePtr answer = std::make_unique<Response>(std::move(*response));
    co_return answer;
  }

  template <class Service, class Request, class Event>
  static Async<void> call_stream(Service& service, Async<void> (Service::*function)(Principal, Request, Sink<Event>&),
                                 Principal principal, MessagePtr request, EventQueue& queue) {
    Sink<Event> sink(queue);
    auto calling = (service.*function)(principal, std::move(static_cast<Request&>(*request)), sink);
    auto done = co_await std::move(calling);
    co_return done;
  }

  std::map<std::string, Method, std::less<>> methods_;
};

}  // namespace hubd::daemon
