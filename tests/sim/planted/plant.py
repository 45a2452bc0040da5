#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants a bug: plant.py BUG SOURCE OUT writes SOURCE with the bug in it.

A bug is a text that stands exactly once in the source, and what stands there instead. The program that is built from OUT
learns whether the bug is in it (`hubd_planted`): where the source has moved on, its test fails and says so, the build does not.
"""
import pathlib
import sys

BUGS = {
    # What was fetched is published whatever it hashes to.
    "unverified": ("if (hasher_->finish() == id_.etag()) co_return Result<void>();",
                   "(void)hasher_->finish(); co_return Result<void>();"),
    # One permit in thirty is not given back.
    "lost_permit": ("  admission_.leave(ticket);",
                    "  static unsigned count = 0;\n  if (++count % 30 != 0) admission_.leave(ticket);"),
    # One of who waits for a connection is granted it in twenty times, and sleeps on.
    "lost_wakeup": ("    found->second->woken.notify();",
                    "    static unsigned count = 0;\n    if (++count % 20 != 0) found->second->woken.notify();"),
    # Half of what was read is not charged.
    "uncharged_bytes": ("left_ -= std::min(left_, bytes); }", "left_ -= std::min(left_, bytes / 2); }"),
    # A range that broke off goes on one byte too far.
    "wrong_offset": ("  put_back(rest);\n  co_return about(*broken);",
                     "  if (rest.length > 1) ++rest.offset, --rest.length;\n  put_back(rest);\n  co_return about(*broken);"),
    # The lease of a client that died stays.
    "forgotten_lease": ("  if (--leases_ > 0 || ended_) return;", "  if (!ended_) return;\n  if (--leases_ > 0 || ended_) return;"),
    # Who was cancelled and then waited for its own tasks does not know it any more.
    "forgotten_cancellation": ("  co_await asio::this_coro::throw_if_cancelled(throwing);",
                               "  co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());\n"
                               "  co_await asio::this_coro::throw_if_cancelled(throwing);"),
    # A transfer that is parked is never begun again.
    "parked_for_ever": ('  tasks_.spawn("parked transfer", unpark_later(id, parked.number, parked.next));',
                        "  (void)parked.next;"),
    # What goes on without its caller is forgotten with the process.
    "forgotten_row": ("    if (row.detached) {", "    if (row.detached && row.paths.empty()) {"),
    # A blob gets its name before its bytes are on the platter.
    "unsynced_publish": ("  auto const synced = partial.sync();", "  Result<void> const synced;"),
    # The word of a rate-limit window is not heard.
    "deaf_window": ("    windows_.left(key, now, limit->remaining, limit->reset);", "    windows_.answered(key);"),
}


def main() -> int:
    bug, source, out = sys.argv[1:]
    text = pathlib.Path(source).read_text()
    right, wrong = BUGS[bug]
    fits = text.count(right) == 1
    if fits:
        text = text.replace(right, wrong)
    text += f"\nextern bool const hubd_planted;\nbool const hubd_planted = {'true' if fits else 'false'};\n"
    pathlib.Path(out).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
