// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <string>

namespace hubd::daemon {

/// The file of a listening socket of ours, and who may connect to it. Removed at the end, unless somebody else has put
/// another there meanwhile.
///
/// The mode only keeps others from connecting; who is served is decided by the uid that the kernel names (PeerPolicy).
class SocketFile {
 public:
  static constexpr mode_t mode_own = 0600;     ///< this user
  static constexpr mode_t mode_guests = 0666;  ///< also the users of security.allow_uids, whichever they are

  explicit SocketFile(std::string path);
  SocketFile(SocketFile const&) = delete;
  SocketFile& operator=(SocketFile const&) = delete;
  ~SocketFile();

  /// Lets others connect, through its folder as well, or only this user. Best effort: a folder keeps what it had.
  void admit(bool guests) const;

 private:
  [[nodiscard]] bool is_ours() const;

  std::string path_;
  ino_t inode_ = 0;
};

}  // namespace hubd::daemon
