// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <exception>
#include <functional>
#include <memory>

namespace hubd::net {

/// Every spawn of hubd: tasks that somebody owns, can cancel and waits for.
///
/// Threading: all members on the executor given; it must be a strand or a single-threaded context.
/// The owner calls cancel() and co_awaits join() before it dies; the destructor asserts that no task is left.
/// `on_bug` gets an exception that left a task: our bug, since expected failures are Results. Except one: a cancelled
/// coroutine that awaits once more is unwound by system_error(operation_aborted); destructors clean up, nobody is told.
class TaskGroup {
 public:
  using OnBug = std::function<void(std::exception_ptr)>;

  TaskGroup(boost::asio::any_io_executor executor, OnBug on_bug);
  ~TaskGroup();
  TaskGroup(TaskGroup const&) = delete;
  TaskGroup& operator=(TaskGroup const&) = delete;

  /// Starts a task on the group's executor; it takes values, never references into the caller's frame. `name` shows up
  /// in diagnostics. After cancel() a task still starts, already cancelled.
  void spawn(char const* name, boost::asio::awaitable<void> task);
  /// Emits terminal cancellation to every task: its next or current await fails with operation_aborted.
  void cancel();
  /// Resumes when no task is left; tasks spawned meanwhile are waited for too. Not cancellable: also an owner that was
  /// itself cancelled waits here, and its coroutine counts as not cancelled afterwards. Such an owner must have begun with
  /// no_unwinding() (signal.h): Asio would throw at its `co_await` before join() is even entered.
  boost::asio::awaitable<void> join();
  [[nodiscard]] std::size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the completion handlers of running tasks
};

}  // namespace hubd::net
