// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

namespace hubd::httpd {
namespace {

using namespace std::chrono_literals;

/// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/hubd-httpd-XXXXXX";
    path_ = mkdtemp(name);
  }
  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

/// A blocking client socket with a loose limit against hangs.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    join(reinterpret_cast<sockaddr const*>(&name), sizeof name);
  }
  explicit Client(std::string const& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    join(reinterpret_cast<sockaddr const*>(&name), sizeof name);
  }
  Client(Client const&) = delete;
  Client& operator=(Client const&) = delete;
  ~Client() { close(); }

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  void send(std::string_view text) const { (void)::send(socket_, text.data(), text.size(), MSG_NOSIGNAL); }
  void end_sending() const { ::shutdown(socket_, SHUT_WR); }
  [[nodiscard]] int socket() const { return socket_; }

  /// Reads until `count` bytes are there or the server ends; what came.
  std::string receive(std::size_t count) {
    std::string text;
    char buffer[65536];
    while (text.size() < count) {
      auto const got = ::recv(socket_, buffer, std::min(sizeof buffer, count - text.size()), 0);
      if (got <= 0) break;
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }
  std::string receive_all() { return receive(static_cast<std::size_t>(-1)); }
  /// One answer with a Content-Length: head and body.
  std::string receive_answer() {
    std::string text;
    while (!text.ends_with("\r\n\r\n")) {
      auto const more = receive(1);
      if (more.empty()) return text;
      text += more;
    }
    auto const at = text.find("Content-Length: ");
    if (at == std::string::npos) return text;
    return text + receive(std::strtoul(text.c_str() + at + 16, nullptr, 10));
  }

 private:
  void join(sockaddr const* name, socklen_t size) const {
    timeval const limit{20, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(::connect(socket_, name, size), 0);
  }
  int socket_;
};

/// What the handler of these tests saw, for assertions in the test's thread.
class Notes {
 public:
  void add(std::string note) {
    std::scoped_lock const lock(mutex_);
    notes_.push_back(std::move(note));
    changed_.notify_all();
  }
  /// Waits for a note; false when it does not come.
  bool wait_for(std::string const& note) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return std::find(notes_.begin(), notes_.end(), note) != notes_.end(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> notes_;
};

class HttpServer : public testing::Test {
 protected:
  void SetUp() override { options_.stall_max = 20s; }

  void TearDown() override {
    if (server_) {
      auto stopping = asio::co_spawn(io_, server_->stop(), asio::use_future);
      EXPECT_EQ(stopping.wait_for(20s), std::future_status::ready);
    }
    work_.reset();
    thread_.join();
    server_.reset();
  }

  void serve(int listener) {
    auto made = std::make_shared<std::promise<void>>();
    asio::post(io_, [this, listener, made] {
      auto handler = [this](Request& request, Responder& responder) { return handle(request, responder); };
      auto started = Server::start(io_.get_executor(), listener, options_, handler, log_);
      EXPECT_TRUE(started) << started.error().what;
      if (started) server_ = std::move(*started);
      made->set_value();
    });
    made->get_future().wait();
  }

  std::uint16_t serve_tcp() {
    auto const listener = listen_loopback("127.0.0.1", 0);
    EXPECT_TRUE(listener);
    serve(listener->first);
    return listener->second;
  }

  asio::awaitable<void> handle(Request& request, Responder& responder) {
    auto const path = request.path();
    Fields const none;
    Bytes const thousand = 1000;
    if (path == "/echo") {
      auto echoing = echo(request, responder);
      co_await std::move(echoing);
    } else if (path == "/stream") {
      auto streaming = stream(responder);
      co_await std::move(streaming);
    } else if (path == "/abort") {
      auto const started = co_await responder.start(200, none, thousand);
      auto const wrote = co_await responder.write(as_bytes("half"));
      notes_.add(started && wrote ? "aborting" : "could not write");
      responder.abort();
    } else if (path == "/wait") {
      notes_.add("waiting");
      auto gone = responder.peer_gone();
      co_await std::move(gone);
      notes_.add("gone");
    } else if (path == "/short") {
      auto const started = co_await responder.start(200, none, thousand);
      auto const wrote = co_await responder.write(as_bytes("too little"));
      auto const finished = co_await responder.finish();
      notes_.add(started && wrote && !finished ? "refused to finish" : "finished");
    } else if (path == "/throw") {
      throw std::runtime_error("a bug");
    } else if (path == "/ignore") {
      auto const replied = co_await responder.reply(200, none, "ignored\n");
      if (!replied) notes_.add("reply failed");
    } else if (path == "/who") {
      auto const& credentials = request.peer().credentials;
      auto text = request.peer().address + " " + (credentials ? std::to_string(credentials->uid) : "nobody");
      auto const replied = co_await responder.reply(200, none, std::move(text));
      if (!replied) notes_.add("reply failed");
    } else if (path != "/silent") {
      auto body = co_await request.read_all(1_MiB);
      auto text = std::string(request.method()) + " " + std::string(path) + " [" + std::string(request.query()) + "] ";
      text += body ? *body : std::string(name_of(body.error().kind));
      if (!body) notes_.add(std::string(name_of(body.error().kind)));
      int const status = body ? 200 : 400;
      auto const replied = co_await responder.reply(status, none, std::move(text));
      if (!replied) notes_.add("reply failed");
    }
  }

  asio::awaitable<void> echo(Request& request, Responder& responder) {
    auto const started = co_await responder.start(200, Fields(), std::nullopt);
    std::vector<std::byte> buffer(10000);
    bool more = static_cast<bool>(started);
    while (more) {
      auto const count = co_await request.read_some(buffer);
      if (!count || *count == 0) break;
      std::span<std::byte const> const part(buffer.data(), *count);
      auto const wrote = co_await responder.write(part);
      more = static_cast<bool>(wrote);
    }
    auto const finished = co_await responder.finish();
    if (!finished) notes_.add("finish failed");
  }

  /// Writes until the peer stops taking; notes how it ended.
  asio::awaitable<void> stream(Responder& responder) {
    auto const started = co_await responder.start(200, Fields(), std::nullopt);
    std::vector<std::byte> const buffer(1 << 20);
    bool more = static_cast<bool>(started);
    while (more) {
      auto const wrote = co_await responder.write(buffer);
      if (!wrote) notes_.add(std::string(name_of(wrote.error().kind)));
      more = static_cast<bool>(wrote);
    }
  }

  Options options_;
  NullLog log_;
  Notes notes_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::unique_ptr<Server> server_;
  std::thread thread_{[this] { io_.run(); }};
};

std::string get(std::string_view target, std::string_view more = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "\r\n";
}
std::string post(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}
std::string body_of(std::string const& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

TEST_F(HttpServer, OneConnectionCarriesManyRequests) {
  Client client(serve_tcp());
  for (int i = 0; i < 3; ++i) {
    client.send(post("/a?x=1", "hello"));
    auto const answer = client.receive_answer();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_EQ(body_of(answer), "POST /a [x=1] hello");
  }
}

TEST_F(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  Client client(serve_tcp());
  client.send(post("/1", "one") + get("/2") + post("/3", "three"));
  EXPECT_EQ(body_of(client.receive_answer()), "POST /1 [] one");
  EXPECT_EQ(body_of(client.receive_answer()), "GET /2 [] ");
  EXPECT_EQ(body_of(client.receive_answer()), "POST /3 [] three");
}

TEST_F(HttpServer, ChunkedBodiesGoBothWays) {
  Client client(serve_tcp());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  auto const head = client.receive_answer();
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << head;
  EXPECT_EQ(client.receive(10), "5\r\nhello\r\n");  // before the rest was sent
  client.send("6\r\n world\r\n0\r\n\r\n" + get("/next"));
  EXPECT_EQ(client.receive(16), "6\r\n world\r\n0\r\n\r\n");
  EXPECT_EQ(body_of(client.receive_answer()), "GET /next [] ");
}

TEST_F(HttpServer, MalformedChunksFailTheRead) {
  Client client(serve_tcp());
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n");
  EXPECT_NE(client.receive_all().find("bad_request"), std::string::npos);
}

TEST_F(HttpServer, HeadGetsLengthsAndNoBody) {
  Client client(serve_tcp());
  client.send("HEAD /ignore HTTP/1.1\r\nHost: h\r\n\r\nHEAD /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  auto const all = client.receive_all();
  EXPECT_NE(all.find("Content-Length: 8\r\n"), std::string::npos) << all;
  EXPECT_EQ(all.find("ignored"), std::string::npos) << all;
  EXPECT_TRUE(all.ends_with("\r\n\r\n"));
  EXPECT_EQ(all.find("0\r\n\r\n"), std::string::npos) << "a HEAD answer carries no chunk";
}

TEST_F(HttpServer, ATooLargeHeadIsRefused) {
  options_.head_max = 1000;
  Client client(serve_tcp());
  client.send(get("/", "X: " + std::string(5000, 'a') + "\r\n"));
  EXPECT_TRUE(client.receive_all().starts_with("HTTP/1.1 431 "));
}

TEST_F(HttpServer, ATooLargeBodyIsRefusedUnread) {
  Client client(serve_tcp());
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n");
  auto const answer = client.receive_answer();
  EXPECT_NE(answer.find("exhausted"), std::string::npos) << answer;
}

TEST_F(HttpServer, ContinueIsSentOnlyWhenTheBodyIsWanted) {
  Client client(serve_tcp());
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive(25), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_EQ(body_of(client.receive_answer()), "POST /a [] hello");
  client.send("POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  auto const answer = client.receive_all();  // and the connection ends: would the five bytes come?
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
}

TEST_F(HttpServer, AnUnreadBodyDoesNotDisturbTheNextRequest) {
  Client client(serve_tcp());
  client.send(post("/ignore", std::string(100000, 'x')) + get("/next"));
  EXPECT_EQ(body_of(client.receive_answer()), "ignored\n");
  EXPECT_EQ(body_of(client.receive_answer()), "GET /next [] ");
}

TEST_F(HttpServer, AnAnswerToAnEndlessUnreadBodyStillArrives) {
  Client client(serve_tcp());
  client.send("POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\nstart");
  EXPECT_EQ(body_of(client.receive_answer()), "ignored\n");
}

TEST_F(HttpServer, APeerThatEndedSendingStillGetsItsAnswer) {
  Client client(serve_tcp());
  client.send(post("/a", "hello"));
  client.end_sending();
  EXPECT_EQ(body_of(client.receive_all()), "POST /a [] hello");
}

TEST_F(HttpServer, ABodyCutShortIsAnError) {
  Client client(serve_tcp());
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nfive");
  client.end_sending();
  EXPECT_TRUE(notes_.wait_for("cancelled"));
}

TEST_F(HttpServer, APeerThatStandsStillIsCut) {
  options_.stall_max = 50ms;
  auto const port = serve_tcp();
  Client slow_head(port);
  slow_head.send("GET / HT");
  EXPECT_EQ(slow_head.receive_all(), "");
  Client slow_body(port);
  slow_body.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nfive");
  slow_body.receive_all();
  EXPECT_TRUE(notes_.wait_for("stalled"));
}

TEST_F(HttpServer, AReaderThatStandsStillIsCut) {
  options_.stall_max = 50ms;
  Client client(serve_tcp());
  client.send(get("/stream"));
  EXPECT_TRUE(notes_.wait_for("stalled"));
}

TEST_F(HttpServer, AnIdleConnectionIsClosed) {
  options_.idle_max = 50ms;
  Client client(serve_tcp());
  EXPECT_EQ(client.receive_all(), "");
}

TEST_F(HttpServer, AbortCutsTheAnswer) {
  Client client(serve_tcp());
  client.send(get("/abort"));
  auto const answer = client.receive_all();
  EXPECT_TRUE(answer.ends_with("half")) << answer;
  EXPECT_TRUE(notes_.wait_for("aborting"));
}

TEST_F(HttpServer, AnAnswerShorterThanAnnouncedIsCutNotPadded) {
  Client client(serve_tcp());
  client.send(get("/short"));
  EXPECT_TRUE(client.receive_all().ends_with("too little"));
  EXPECT_TRUE(notes_.wait_for("refused to finish"));
}

TEST_F(HttpServer, HandlersThatThrowOrSayNothingGive500) {
  auto const port = serve_tcp();
  for (auto const* const target : {"/throw", "/silent"}) {
    Client client(port);
    client.send(get(target, "Connection: close\r\n"));
    EXPECT_TRUE(client.receive_all().starts_with("HTTP/1.1 500 ")) << target;
  }
}

TEST_F(HttpServer, AHandlerLearnsThatItsPeerLeft) {
  Client client(serve_tcp());
  client.send(get("/wait"));
  ASSERT_TRUE(notes_.wait_for("waiting"));
  client.close();
  EXPECT_TRUE(notes_.wait_for("gone"));
}

TEST_F(HttpServer, StopEndsHandlersThatWait) {
  Client client(serve_tcp());
  client.send(get("/wait"));
  ASSERT_TRUE(notes_.wait_for("waiting"));
  auto stopping = asio::co_spawn(io_, server_->stop(), asio::use_future);
  EXPECT_EQ(stopping.wait_for(20s), std::future_status::ready);
  EXPECT_EQ(client.receive_all(), "");
}

TEST_F(HttpServer, UnixPeersAreNamedByTheKernel) {
  Folder const folder;
  auto const listener = listen_unix(folder / "s", 0600);
  ASSERT_TRUE(listener);
  serve(*listener);
  Client client(folder / "s");
  client.send(get("/who"));
  EXPECT_EQ(body_of(client.receive_answer()), "unix " + std::to_string(getuid()));
}

TEST_F(HttpServer, ConnectionsPerUidAreCapped) {
  Folder const folder;
  options_.connections_per_uid_max = 2;
  auto const listener = listen_unix(folder / "s", 0600);
  ASSERT_TRUE(listener);
  serve(*listener);
  Client first(folder / "s");
  {
    Client second(folder / "s");
    first.send(get("/1"));
    second.send(get("/2"));
    EXPECT_EQ(body_of(first.receive_answer()), "GET /1 [] ");
    EXPECT_EQ(body_of(second.receive_answer()), "GET /2 [] ");
    Client third(folder / "s");
    EXPECT_EQ(third.receive_all(), "");
    second.send(get("/wait"));
    ASSERT_TRUE(notes_.wait_for("waiting"));
  }
  ASSERT_TRUE(notes_.wait_for("gone"));  // a place is free again
  first.send(get("/3"));
  EXPECT_EQ(body_of(first.receive_answer()), "GET /3 [] ");
  Client fourth(folder / "s");
  fourth.send(get("/4"));
  EXPECT_EQ(body_of(fourth.receive_answer()), "GET /4 [] ");
}

TEST_F(HttpServer, PeersThatAreNotAdmittedAreClosedUnheard) {
  Folder const folder;
  options_.admit = [](Peer const& peer) { return peer.credentials && peer.credentials->uid != getuid(); };
  auto const listener = listen_unix(folder / "s", 0600);
  ASSERT_TRUE(listener);
  serve(*listener);
  Client client(folder / "s");
  client.send(get("/"));
  EXPECT_EQ(client.receive_all(), "");
}

TEST_F(HttpServer, ALiveSocketIsNotTakenAndADeadOneIs) {
  Folder const folder;
  auto const listener = listen_unix(folder / "s", 0600);
  ASSERT_TRUE(listener);
  struct stat found {};
  ASSERT_EQ(stat((folder / "s").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  auto const second = listen_unix(folder / "s", 0600);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy);
  EXPECT_NE(second.error().what.find(folder / "s"), std::string::npos);
  ::close(*listener);  // the file stays, as after a crash
  auto const third = listen_unix(folder / "s", 0600);
  ASSERT_TRUE(third) << third.error().what;
  serve(*third);
}

TEST_F(HttpServer, SocketPathsThatCannotWorkAreErrors) {
  Folder const folder;
  auto const long_path = listen_unix(folder / std::string(200, 'a'), 0600);
  ASSERT_FALSE(long_path);
  EXPECT_EQ(long_path.error().kind, ErrorKind::bad_request);
  auto const is_folder = listen_unix(folder / ".", 0600);
  ASSERT_FALSE(is_folder);
  EXPECT_EQ(is_folder.error().kind, ErrorKind::io);
}

/// A self-signed certificate for tests, written to two PEM files.
void write_certificate(std::string const& certificate_path, std::string const& key_path) {
  EVP_PKEY* const key = EVP_RSA_gen(2048);
  X509* const certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  auto* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<unsigned char const*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());
  FILE* const out = std::fopen(certificate_path.c_str(), "w");
  PEM_write_X509(out, certificate);
  std::fclose(out);
  FILE* const key_out = std::fopen(key_path.c_str(), "w");
  PEM_write_PrivateKey(key_out, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(key_out);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

TEST_F(HttpServer, SpeaksTlsWhenGivenACertificate) {
  Folder const folder;
  options_.tls_certificate = folder / "cert.pem";
  options_.tls_key = folder / "key.pem";
  write_certificate(options_.tls_certificate, options_.tls_key);
  Client client(serve_tcp());
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL* const ssl = SSL_new(context);
  SSL_set_fd(ssl, client.socket());
  ASSERT_EQ(SSL_connect(ssl), 1);
  auto const big = std::string(300000, 'b');
  auto const request = "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n" + big;
  ASSERT_EQ(SSL_write(ssl, request.data(), static_cast<int>(request.size())), static_cast<int>(request.size()));
  std::string answer;
  char buffer[65536];
  int got = 0;
  while ((got = SSL_read(ssl, buffer, sizeof buffer)) > 0) answer.append(buffer, static_cast<std::size_t>(got));
  EXPECT_EQ(SSL_get_error(ssl, got), SSL_ERROR_ZERO_RETURN) << "the server ends TLS before it closes";
  EXPECT_EQ(body_of(answer), "POST /a [] " + big);
  SSL_free(ssl);
  SSL_CTX_free(context);
}

TEST(HttpServerStart, AMissingCertificateNamesItsFile) {
  asio::io_context io;
  NullLog log;
  Options options;
  options.tls_certificate = "/nonexistent/cert.pem";
  options.tls_key = "/nonexistent/key.pem";
  auto const listener = listen_loopback("127.0.0.1", 0);
  ASSERT_TRUE(listener);
  auto const server = Server::start(io.get_executor(), listener->first, options, nullptr, log);
  ASSERT_FALSE(server);
  EXPECT_NE(server.error().what.find("/nonexistent/cert.pem"), std::string::npos) << server.error().what;
}

}  // namespace
}  // namespace hubd::httpd
