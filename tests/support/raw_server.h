// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace hubd::support {

/// A throw-away certificate for localhost and 127.0.0.1, signed by itself. Two PEM texts.
struct Certificate {
  std::string certificate;
  std::string key;
  static Certificate make(std::string const& name = "localhost");
};

/// A server on 127.0.0.1 that says exactly what a script says, however wrong that is. Each connection runs the script in
/// its own thread, with blocking calls that end after 20 s at the latest. The destructor ends everything.
class RawServer {
 public:
  class Connection {
   public:
    virtual ~Connection() = default;
    /// Bytes up to and with the blank line; empty when the peer ended instead.
    virtual std::string head() = 0;
    /// Exactly so many bytes, or fewer when the peer ended.
    virtual std::string bytes(std::size_t count) = 0;
    virtual bool send(std::string_view data) = 0;
    /// TLS 1.3 only: another session ticket, which nobody asked for.
    virtual void send_ticket() = 0;
    /// From now on the connection speaks TLS (for proxies that tunnel to us). False: the handshake failed.
    virtual bool start_tls() = 0;
    virtual void close() = 0;
    [[nodiscard]] virtual int number() const = 0;  ///< 0: the first connection
  };
  using Script = std::function<void(Connection&)>;

  explicit RawServer(Script script) : RawServer(std::move(script), nullptr) {}
  /// With a certificate every connection begins with TLS, unless `tls_from_start` is false.
  RawServer(Script script, Certificate const* certificate, bool tls_from_start = true);
  ~RawServer();
  RawServer(RawServer const&) = delete;
  RawServer& operator=(RawServer const&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  /// "http://127.0.0.1:port" + path.
  [[nodiscard]] std::string url(std::string_view path) const;

 private:
  class Impl;
  void accept_loop();

  Script script_;
  std::shared_ptr<void> context_;  // SSL_CTX, shared with connections
  bool tls_from_start_;
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::vector<int> sockets_;           // guarded by mutex_; open ones
  std::vector<std::thread> threads_;   // guarded by mutex_
  std::atomic<bool> stopping_ = false;
  std::thread acceptor_;
};

}  // namespace hubd::support
