// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace hubd::http {

/// Bytes to and from one connected peer, plain or TLS. One operation at a time, on one executor. Every operation ends
/// with asio::error::timed_out after its `limit`, and the stream is then closed.
class Stream {
 public:
  struct Moved {
    boost::system::error_code error;
    std::size_t count = 0;  ///< 0 without an error does not happen: the end is asio::error::eof
  };
  virtual ~Stream() = default;
  virtual boost::asio::awaitable<Moved> read_some(std::span<std::byte> out, Duration limit) = 0;
  /// Writes all of `data`.
  virtual boost::asio::awaitable<Moved> write(std::span<std::byte const> data, Duration limit) = 0;
  virtual void close() = 0;
  /// True while an idle connection is still good: open, and nothing to read from it.
  virtual bool quiet() = 0;
};

/// The trust store and TLS settings, shared by all connections. Fails: bad_request naming the CA file.
class TlsTrust {
 public:
  virtual ~TlsTrust() = default;
};
/// Empty `ca_file` and `ca_directory`: the system's store.
Result<std::shared_ptr<TlsTrust>> load_trust(std::string const& ca_file, std::string const& ca_directory);

struct Connected {
  boost::system::error_code error;
  std::unique_ptr<Stream> stream;  ///< null on error
  std::string why;                 ///< in words, when the code alone does not say it (certificates)
};
boost::asio::awaitable<Connected> connect_plain(boost::asio::any_io_executor executor, boost::asio::ip::address address,
                                                std::uint16_t port, Duration limit);
/// Verifies the peer as `host` and sends it as SNI. `plain` came from connect_plain and is used up.
boost::asio::awaitable<Connected> start_tls(std::unique_ptr<Stream> plain, std::string host, std::shared_ptr<TlsTrust> trust,
                                            Duration limit);

}  // namespace hubd::http
