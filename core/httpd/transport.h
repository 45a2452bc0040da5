// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "core/base/result.h"

namespace hubd::httpd {

/// Bytes to and from one accepted socket, plain or TLS. One read and one write may be under way at once, on one strand.
class Transport {
 public:
  struct Moved {
    boost::system::error_code error;
    std::size_t count = 0;  ///< a read of 0 without an error does not happen: the end is asio::error::eof
  };
  using Buffers = std::array<boost::asio::const_buffer, 3>;

  virtual ~Transport() = default;
  virtual boost::asio::awaitable<boost::system::error_code> handshake() = 0;
  virtual boost::asio::awaitable<Moved> read_some(std::span<std::byte> out) = 0;
  virtual boost::asio::awaitable<Moved> write_some(Buffers buffers) = 0;
  /// Tells the peer that nothing more comes; what it sends can still be read.
  virtual boost::asio::awaitable<void> end_writing() = 0;
  /// Ends everything; operations under way fail.
  virtual void close() = 0;
};

/// Holds the certificate and key of a TLS listener.
class TlsIdentity {
 public:
  virtual ~TlsIdentity() = default;
};
/// Fails: bad_request, naming the file that could not be used.
Result<std::shared_ptr<TlsIdentity>> load_tls_identity(std::string const& certificate, std::string const& key);

/// Takes `descriptor`, an accepted stream socket of `family` (AF_INET, AF_INET6, AF_UNIX). `identity` null: plain.
std::unique_ptr<Transport> make_transport(boost::asio::any_io_executor executor, int family, int descriptor,
                                          std::shared_ptr<TlsIdentity> identity);

}  // namespace hubd::httpd
