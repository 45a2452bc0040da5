// SPDX-License-Identifier: Apache-2.0
#include "tests/support/raw_server.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>

namespace hubd::support {
namespace {

std::string text_of(BIO* bio) {
  char* data = nullptr;
  auto const size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

}  // namespace

Certificate Certificate::make(std::string const& name) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  auto* const subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<unsigned char const*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  auto const names = "DNS:" + name + (name == "localhost" ? ",IP:127.0.0.1" : "");
  auto* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(certificate, key, EVP_sha256());
  Certificate made;
  auto* const out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, certificate);
  made.certificate = text_of(out);
  auto* const key_out = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(key_out, key, nullptr, nullptr, 0, nullptr, nullptr);
  made.key = text_of(key_out);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

class RawServer::Impl final : public RawServer::Connection {
 public:
  Impl(int socket, int number, std::shared_ptr<void> context) : socket_(socket), number_(number), context_(std::move(context)) {
    timeval const limit{20, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  Impl(Impl const&) = delete;
  Impl& operator=(Impl const&) = delete;
  ~Impl() override { SSL_free(ssl_); }

  std::string head() override {
    std::string text;
    while (!text.ends_with("\r\n\r\n")) {
      auto const more = bytes(1);
      if (more.empty()) return {};
      text += more;
    }
    return text;
  }
  std::string bytes(std::size_t count) override {
    std::string text(count, '\0');
    std::size_t done = 0;
    while (done < count) {
      auto const left = std::min<std::size_t>(count - done, 1U << 20U);
      auto const got = ssl_ != nullptr ? SSL_read(ssl_, text.data() + done, static_cast<int>(left))
                                       : static_cast<int>(::recv(socket_, text.data() + done, left, 0));
      if (got <= 0) break;
      done += static_cast<std::size_t>(got);
    }
    text.resize(done);
    return text;
  }
  bool send(std::string_view data) override {
    while (!data.empty()) {
      auto const left = std::min<std::size_t>(data.size(), 1U << 20U);
      auto const sent = ssl_ != nullptr ? SSL_write(ssl_, data.data(), static_cast<int>(left))
                                        : static_cast<int>(::send(socket_, data.data(), left, MSG_NOSIGNAL));
      if (sent <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void send_ticket() override {
    SSL_new_session_ticket(ssl_);
    SSL_do_handshake(ssl_);
  }
  bool start_tls() override {
    ssl_ = SSL_new(static_cast<SSL_CTX*>(context_.get()));
    SSL_set_fd(ssl_, socket_);
    return SSL_accept(ssl_) == 1;
  }
  void close() override { ::shutdown(socket_, SHUT_RDWR); }
  int number() const override { return number_; }

 private:
  int socket_;  // the server closes it
  int number_;
  std::shared_ptr<void> context_;
  SSL* ssl_ = nullptr;
};

RawServer::RawServer(Script script, Certificate const* certificate, bool tls_from_start)
    : script_(std::move(script)), tls_from_start_(tls_from_start), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (certificate != nullptr) {
    auto* const context = SSL_CTX_new(TLS_server_method());
    context_ = std::shared_ptr<void>(context, [](void* held) { SSL_CTX_free(static_cast<SSL_CTX*>(held)); });
    auto* const in = BIO_new_mem_buf(certificate->certificate.data(), static_cast<int>(certificate->certificate.size()));
    auto* const parsed = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context, parsed);
    X509_free(parsed);
    BIO_free(in);
    auto* const key_in = BIO_new_mem_buf(certificate->key.data(), static_cast<int>(certificate->key.size()));
    auto* const key = PEM_read_bio_PrivateKey(key_in, nullptr, nullptr, nullptr);
    SSL_CTX_use_PrivateKey(context, key);
    EVP_PKEY_free(key);
    BIO_free(key_in);
  }
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&name), size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size) != 0)
    throw std::runtime_error("the scripted server cannot listen");
  port_ = ntohs(name.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

void RawServer::accept_loop() {
  while (true) {
    auto const socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    std::scoped_lock const lock(mutex_);
    if (stopping_) {
      ::close(socket);
      return;
    }
    sockets_.push_back(socket);
    auto const number = connections_++;
    threads_.emplace_back([this, socket, number] {
      sigset_t broken_pipe;  // OpenSSL writes without MSG_NOSIGNAL
      sigemptyset(&broken_pipe);
      sigaddset(&broken_pipe, SIGPIPE);
      pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
      {
        Impl connection(socket, number, context_);
        if (!context_ || !tls_from_start_ || connection.start_tls()) script_(connection);
      }
      std::scoped_lock const closing(mutex_);
      std::erase(sockets_, socket);
      ::close(socket);
    });
  }
}

RawServer::~RawServer() {
  std::vector<std::thread> threads;
  {
    std::scoped_lock const lock(mutex_);
    stopping_ = true;
    for (int const socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    threads.swap(threads_);
  }
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  for (auto& thread : threads) thread.join();
}

std::string RawServer::url(std::string_view path) const {
  return (context_ && tls_from_start_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_) + std::string(path);
}

}  // namespace hubd::support
