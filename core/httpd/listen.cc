// SPDX-License-Identifier: Apache-2.0
// Making listening sockets: loopback TCP and Unix paths.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/httpd/server.h"

namespace hubd::httpd {
namespace {

constexpr int backlog = 512;

/// A descriptor closed on every early return.
class Owned {
 public:
  explicit Owned(int descriptor) : descriptor_(descriptor) {}
  Owned(Owned const&) = delete;
  Owned& operator=(Owned const&) = delete;
  ~Owned() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

Error errno_error(std::string what) {
  auto const code = errno;
  auto const kind = code == EACCES || code == EPERM || code == EROFS ? ErrorKind::permission_denied : ErrorKind::io;
  return fail(kind, std::move(what) + ": " + std::strerror(code), std::error_code(code, std::generic_category()));
}

/// Removes the socket file of a server that is gone.
Result<void> remove_dead(std::string const& path, sockaddr_un const& address) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return errno_error("look at socket " + path);
  }
  if (!S_ISSOCK(found.st_mode))
    return fail(ErrorKind::io, "socket path " + path + " is taken by something that is not a socket; move it away");
  Owned const probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return errno_error("make a socket to probe " + path);
  int const answer = connect(probe.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address);
  if (answer == 0 || errno == EAGAIN || errno == EINPROGRESS)  // EAGAIN: alive, its queue is full
    return fail(ErrorKind::busy, "another server already answers on " + path + "; stop it or choose another socket");
  if (errno != ECONNREFUSED && errno != ENOENT) return errno_error("probe socket " + path);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return errno_error("remove the dead socket " + path);
  return {};
}

}  // namespace

Result<std::pair<int, std::uint16_t>> listen_loopback(std::string const& address, std::uint16_t port) {
  bool const six = address.find(':') != std::string::npos;
  sockaddr_in in4{};
  sockaddr_in6 in6{};
  in4.sin_family = AF_INET;
  in4.sin_port = htons(port);
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  int const parsed = six ? inet_pton(AF_INET6, address.c_str(), &in6.sin6_addr)
                         : inet_pton(AF_INET, address.c_str(), &in4.sin_addr);
  if (parsed != 1) return fail(ErrorKind::bad_request, "listen address " + address + " is not an IP address");
  auto* const name = six ? reinterpret_cast<sockaddr*>(&in6) : reinterpret_cast<sockaddr*>(&in4);
  socklen_t size = six ? sizeof in6 : sizeof in4;
  auto const where = address + ":" + std::to_string(port);
  Owned owned(socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (owned.get() < 0) return errno_error("make a socket for " + where);
  int const on = 1;
  setsockopt(owned.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(owned.get(), name, size) != 0) return errno_error("bind " + where);
  if (listen(owned.get(), backlog) != 0) return errno_error("listen on " + where);
  if (getsockname(owned.get(), name, &size) != 0) return errno_error("name of the socket bound to " + where);
  auto const bound = ntohs(six ? in6.sin6_port : in4.sin_port);
  return std::pair(owned.release(), static_cast<std::uint16_t>(bound));
}

Result<int> listen_unix(std::string const& path, mode_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail(ErrorKind::bad_request, "socket path " + path + " has " + std::to_string(path.size()) +
                                            " characters; Unix sockets allow 1 to " +
                                            std::to_string(sizeof address.sun_path - 1));
  std::memcpy(address.sun_path, path.c_str(), path.size());
  auto const removed = remove_dead(path, address);
  if (!removed) return removed.error();
  Owned owned(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (owned.get() < 0) return errno_error("make socket " + path);
  if (bind(owned.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0)
    return errno_error("bind socket " + path);
  if (chmod(path.c_str(), mode) != 0) return errno_error("set the mode of socket " + path);
  if (listen(owned.get(), backlog) != 0) return errno_error("listen on socket " + path);
  return owned.release();
}

}  // namespace hubd::httpd
