// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/service.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>

#include "tests/localhub/cas/crc64.h"
#include "tests/localhub/crypto.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;

constexpr Bytes kBodyMax = 1_GiB;  // of a commit: regular files travel in it as base64
constexpr std::size_t kPieceMax = 256 * 1024;
constexpr auto kTick = std::chrono::milliseconds(20);

Result<json::value> parse(std::string_view text) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (error) return fail(ErrorKind::bad_request, "localhub: not JSON: " + error.message());
  return value;
}

std::string client_of(httpd::Request const& request) {
  auto const own = request.header("x-localhub-client");
  return std::string(own.empty() ? request.header("user-agent") : own);
}

}  // namespace

struct Service::Delivery {
  Call call;
  std::string client;
  Effects effects;
  std::uint64_t seq = 0;  // in the ledger
};

Service::Service(Clock const& clock, std::filesystem::path const& data, bool tls)
    : clock_(clock), timers_(clock), tls_(tls), hub_(clock, data, tls) {}

Result<void> Service::seed(std::string_view text) {
  auto const document = parse(text);
  if (!document) return document.error();
  return with_hub([&](Hub& hub) { return hub.seed(*document); });
}

Result<void> Service::add_faults(std::string_view text) {
  auto const list = parse(text);
  if (!list) return list.error();
  auto const added = faults.add(*list);
  if (!added) return added.error();
  return {};
}

Result<void> Service::set_knobs(std::string_view text) {
  auto const object = parse(text);
  if (!object) return object.error();
  return with_hub([&](Hub& hub) { return hub.knobs.set(*object); });
}

Call Service::call_of(std::string_view origin, httpd::Request& request) const {
  Call call;
  call.origin = std::string(origin);
  call.method = std::string(request.method());
  call.target = std::string(request.target());
  call.path = std::string(request.path());
  call.segments = split_path(call.path);
  call.query = Query(request.query());
  call.header = [&request](std::string_view name) { return request.header(name); };
  call.route = route_class(origin, call.method, call.segments);
  auto const host = request.header("host");
  call.base = host.empty() ? url : (tls_ ? "https://" : "http://") + std::string(host);
  return call;
}

asio::awaitable<void> Service::serve_hub(httpd::Request& request, httpd::Responder& responder) {
  return serve("hub", request, responder);
}
asio::awaitable<void> Service::serve_cdn(httpd::Request& request, httpd::Responder& responder) {
  return serve("cdn", request, responder);
}

asio::awaitable<void> Service::serve_cas(httpd::Request& request, httpd::Responder& responder) {
  return serve("cas", request, responder);
}
asio::awaitable<void> Service::serve_xorbs(httpd::Request& request, httpd::Responder& responder) {
  return serve("xorbs", request, responder);
}

asio::awaitable<void> Service::serve(std::string_view origin, httpd::Request& request, httpd::Responder& responder) {
  Delivery delivery;
  delivery.call = call_of(origin, request);
  if (delivery.call.route == "control") {
    co_await control(delivery, request, responder);
    co_return;
  }
  delivery.client = client_of(request);
  RequestLine line;
  line.at = std::chrono::duration<double>(clock_.now().time_since_epoch()).count();
  line.origin = delivery.call.origin;
  line.route = delivery.call.route;
  line.method = delivery.call.method;
  line.target = delivery.call.target;
  line.range = std::string(request.header("range"));
  line.client = delivery.client;
  line.session = std::string(request.header("x-xet-session-id"));
  line.authorization = !request.header("authorization").empty();
  line.counter_header = !request.header("x-hf-download-counter").empty();
  delivery.seq = ledger.begin(std::move(line));
  co_await deliver(delivery, request, responder);
  ledger.end();
}

asio::awaitable<void> Service::control(Delivery& delivery, httpd::Request& request, httpd::Responder& responder) {
  auto const body = co_await request.read_all(64_MiB);
  if (!body) co_return;
  delivery.call.body = *body;
  auto answer = control_answer(delivery.call);
  auto const sent = co_await responder.reply(answer.status, answer.fields, answer.body);
  if (!sent) co_return;
}

Answer Service::control_answer(Call const& call) {
  auto const what = call.rest(1);
  auto const done = [](Result<void> const& result) {
    return result ? json_answer(json::object{{"ok", true}}) : error_answer(400, "", result.error().what);
  };
  if (what == "counters") return json_answer(ledger.counters_json(connections ? connections() : 0));
  if (what == "counters/reset") {
    ledger.reset();
    return json_answer(json::object{{"ok", true}});
  }
  if (what == "requests") {
    auto const limit = call.query.get("limit");
    return json_answer(ledger.lines_json(limit ? std::strtoul(limit->c_str(), nullptr, 10) : Ledger::kLinesMax));
  }
  if (what == "faults" && call.method == "DELETE") {
    faults.clear();
    return json_answer(json::object{{"ok", true}});
  }
  if (what == "faults" && call.method == "POST") {
    auto const list = parse(call.body);
    if (!list) return done(list.error());
    auto const ids = faults.add(*list);
    if (!ids) return done(ids.error());
    json::array out;
    for (auto const id : *ids) out.push_back(json::value(id));
    return json_answer(json::object{{"ids", out}});
  }
  if (what == "faults") return json_answer(faults.list());
  if (what == "knobs") {
    if (call.method == "POST") {
      auto const set = set_knobs(call.body);
      if (!set) return done(set);
    }
    return json_answer(with_hub([](Hub& hub) { return hub.knobs.to_json(); }));
  }
  if (what == "expire-urls") {
    with_hub([](Hub& hub) { hub.signer.expire_all(); });
    return json_answer(json::object{{"ok", true}});
  }
  if (what == "expire-tokens") {
    with_hub([](Hub& hub) { hub.cas.tokens.expire_all(); });
    return json_answer(json::object{{"ok", true}});
  }
  if (what == "xorbs") return json_answer(ledger.xorbs_json());
  if (what.starts_with("xet/file/") || what.starts_with("xet/xorb/")) {
    auto const hash = XetHash::parse(std::string_view(what).substr(9));
    if (!hash) return error_answer(400, "", "The path names no Xet hash");
    return json_answer(with_hub([&](Hub& hub) { return what[4] == 'f' ? hub.cas.describe_file(*hash) : hub.cas.describe_xorb(*hash); }));
  }
  if (what == "seed") return done(seed(call.body));
  if (what == "info") return json_answer(json::object{{"url", url}, {"cdn_url", cdn_url}, {"cas_url", cas_url}, {"xorb_url", xorb_url}});
  return error_answer(404, "", "localhub has no control called " + what);
}

asio::awaitable<void> Service::pause_until(std::uint64_t epoch, std::optional<Time> deadline) {
  for (;;) {
    auto const now = clock_.now();
    if (deadline && now >= *deadline) co_return;
    if (faults.epoch() != epoch) co_return;
    auto const next = deadline ? std::min(*deadline, now + kTick) : now + kTick;
    bool const going = co_await timers_.sleep_until(next);
    if (!going) co_return;
  }
}

asio::awaitable<void> Service::wait_for_opening(std::string origin) {
  for (bool going = holed(origin); going && holed(origin);) going = co_await timers_.sleep_until(clock_.now() + kTick);
}

bool Service::holed(std::string const& origin) {
  return with_hub([&](Hub& hub) {
    auto const& origins = hub.knobs.black_hole;
    return std::find(origins.begin(), origins.end(), origin) != origins.end();
  });
}

asio::awaitable<bool> Service::through_hole(Call const& call, httpd::Responder& responder) {
  using boost::asio::experimental::awaitable_operators::operator||;
  if (!holed(call.origin)) co_return true;
  auto either = wait_for_opening(call.origin) || responder.peer_gone();
  auto const which = co_await std::move(either);
  co_return which.index() == 0;
}

asio::awaitable<void> Service::hold(Delivery& delivery, std::optional<double> seconds, httpd::Responder& responder) {
  using boost::asio::experimental::awaitable_operators::operator||;
  std::optional<Time> deadline;
  if (seconds) deadline = clock_.now() + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
  auto either = pause_until(delivery.effects.epoch, deadline) || responder.peer_gone();
  auto const which = co_await std::move(either);
  static_cast<void>(which);
}

asio::awaitable<void> Service::deliver(Delivery& delivery, httpd::Request& request, httpd::Responder& responder) {
  auto& call = delivery.call;
  delivery.effects = faults.fire(call, delivery.client);
  auto const& effects = delivery.effects;
  auto const delay = with_hub([](Hub& hub) { return hub.knobs.delay_ms; }) + effects.delay_ms;
  if (delay > 0) {
    auto const going = co_await timers_.sleep_until(clock_.now() + std::chrono::milliseconds(delay));
    if (!going) co_return;
  }
  bool const open = co_await through_hole(call, responder);
  if (!open) {
    responder.abort();
    co_return;
  }
  if (effects.silent) {
    co_await hold(delivery, std::nullopt, responder);
    responder.abort();
    co_return;
  }
  if (effects.cut_before_head) {
    responder.abort();
    co_return;
  }
  Fields rate;
  auto refusal = with_hub([&](Hub& hub) { return hub.rate_refusal(call, request.peer().address, rate); });
  if (!refusal && effects.expired) refusal = text_answer(403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", "application/xml");
  if (!refusal && effects.instead) refusal = effects.instead;

  Answer answer;
  if (refusal) {
    answer = std::move(*refusal);
  } else if (call.route == "upload" || call.route == "cas-xorb" || call.route == "xorb-put") {
    auto taken = co_await take_upload(delivery, request);
    if (!taken) co_return;
    answer = std::move(*taken);
  } else {
    auto body = co_await request.read_all(kBodyMax);
    if (!body) co_return;
    ledger.received(delivery.seq, body->size());
    call.body = std::move(*body);
    if (effects.ignore_range) {
      call.header = [&request](std::string_view name) { return lower(name) == "range" ? std::string_view() : request.header(name); };
    }
    call.hostile_plans = effects.hostile_plans;
    call.hostile_chunks = effects.hostile_chunks;
    answer = with_hub([&](Hub& hub) { return hub.handle(call); });
  }
  answer.fields.insert(answer.fields.end(), rate.begin(), rate.end());
  finish_answer(delivery, answer);
  co_await send_answer(delivery, answer, responder);
}

void Service::finish_answer(Delivery const& delivery, Answer& answer) const {
  auto const& call = delivery.call;
  auto const& effects = delivery.effects;
  if (effects.inject_path && call.route == "tree" && answer.status == 200) {
    auto list = json::parse(answer.body);
    list.as_array().push_back(json::object{{"type", "file"}, {"oid", git_blob_hex("evil\n")}, {"size", 5}, {"path", *effects.inject_path}});
    answer.body = json::serialize(list);
  }
  auto const own = call.header("x-request-id");
  auto const trace = call.header("x-amzn-trace-id");
  answer.set("X-Request-Id", own.empty() ? "Root=1-" + random_hex(4) + "-" + random_hex(12) + (trace.empty() ? "" : ";" + std::string(trace))
                                         : std::string(own));
  if (call.origin == "hub") {
    answer.set("Access-Control-Expose-Headers",
               "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,"
               "X-Linked-Size,X-Linked-ETag,X-Xet-Hash");
  }
  for (auto const& [name, value] : effects.set) answer.set(name, value);
  for (auto const& name : effects.drop) answer.drop(name);
}

asio::awaitable<void> Service::send_answer(Delivery& delivery, Answer& answer, httpd::Responder& responder) {
  ledger.answered(delivery.seq, answer.status);
  auto const size = answer.body_size();
  if (delivery.call.head() || answer.status == 304) {
    auto const announced = answer.status == 304 ? Bytes{0} : size;
    auto const started = co_await responder.start(answer.status, answer.fields, announced);
    if (!started) co_return;
    auto const finished = co_await responder.finish();
    static_cast<void>(finished);
    co_return;
  }
  if (!answer.content && !delivery.effects.touches_body()) {
    ledger.sent(delivery.seq, size);
    auto const sent = co_await responder.reply(answer.status, answer.fields, answer.body);
    static_cast<void>(sent);
    co_return;
  }
  auto const delta = delivery.effects.length_delta;
  auto const announced = delta < 0 ? size - std::min<Bytes>(size, static_cast<Bytes>(-delta)) : size + static_cast<Bytes>(delta);
  if (answer.xorb) ledger.asked(delivery.client, *answer.xorb);
  auto const started = co_await responder.start(answer.status, answer.fields, announced);
  if (!started) co_return;
  auto const body = co_await send_body(delivery, answer, responder, announced);
  if (!body) {
    responder.abort();
    co_return;
  }
  auto const finished = co_await responder.finish();
  if (!finished) responder.abort();
}

Async<void> Service::send_body(Delivery& delivery, Answer const& answer, httpd::Responder& responder, Bytes announced) {
  auto const& effects = delivery.effects;
  auto const size = std::min(answer.body_size(), announced);
  std::unique_ptr<ByteSource const> reader;
  if (answer.content) {
    auto opened = answer.content->open();
    if (!opened) co_return opened.error();
    reader = std::move(*opened);
  }
  std::vector<std::byte> buffer(std::min<Bytes>(std::max<Bytes>(size, 1), kPieceMax));
  auto stall_after = effects.stall_after;
  Time free_at = clock_.now();
  Bytes sent = 0;
  for (;;) {
    if (effects.cut_after && sent >= *effects.cut_after) co_return fail(ErrorKind::cancelled, "localhub: cut on command");
    if (stall_after && sent >= *stall_after) {
      stall_after.reset();
      co_await hold(delivery, effects.stall_seconds, responder);
    }
    if (sent >= size) break;
    bool const open = co_await through_hole(delivery.call, responder);
    if (!open) co_return fail(ErrorKind::cancelled, "localhub: the client left the black hole");
    bool const faulty = faults.epoch() == effects.epoch;
    auto const shared = with_hub([](Hub& hub) { return hub.knobs.throttle; });
    auto const own = faulty && sent >= effects.throttle_after ? effects.bytes_per_second : 0;
    auto piece = std::min<Bytes>(buffer.size(), size - sent);
    if (sent < effects.throttle_after) piece = std::min(piece, effects.throttle_after - sent);
    if (effects.cut_after) piece = std::min(piece, *effects.cut_after - sent);
    if (stall_after) piece = std::min(piece, *stall_after - sent);
    if (own > 0) piece = std::clamp<Bytes>(own / 20, 1, piece);
    if (shared > 0 && answer.content) piece = std::clamp<Bytes>(shared / 20, 1, piece);

    auto const out = std::span(buffer).first(static_cast<std::size_t>(piece));
    if (answer.content) {
      auto const got = reader->read(answer.offset + sent, out);
      if (!got) co_return got.error();
      piece = *got;
    } else {
      std::copy_n(as_bytes(answer.body).begin() + static_cast<std::ptrdiff_t>(sent), out.size(), out.begin());
    }
    for (auto const& [offset, flip] : effects.corrupt) {
      auto const from = answer.offset + sent;
      if (offset >= from && offset < from + piece) buffer[static_cast<std::size_t>(offset - from)] ^= static_cast<std::byte>(flip);
    }
    auto wake = clock_.now();
    if (own > 0) {
      free_at = std::max(free_at, clock_.now()) + Duration(static_cast<std::int64_t>(static_cast<double>(piece) * 1e9 / static_cast<double>(own)));
      wake = std::max(wake, free_at);
    }
    if (shared > 0 && answer.content) {
      pace_free_ = std::max(pace_free_, clock_.now()) + Duration(static_cast<std::int64_t>(static_cast<double>(piece) * 1e9 / static_cast<double>(shared)));
      wake = std::max(wake, pace_free_);
    }
    if (wake > clock_.now()) {
      std::uint64_t const epoch = own > 0 ? effects.epoch : faults.epoch();
      co_await pause_until(epoch, wake);
    }
    auto const ready = std::span<std::byte const>(buffer).first(static_cast<std::size_t>(piece));
    ledger.sent(delivery.seq, piece);
    if (answer.xorb) ledger.served(delivery.client, *answer.xorb, sent, piece);
    auto const written = co_await responder.write(ready);
    if (!written) co_return written.error();
    sent += piece;
  }
  co_return Result<void>{};
}

Async<Answer> Service::take_upload(Delivery& delivery, httpd::Request& request) {
  Answer refusal;
  auto const target = with_hub([&](Hub& hub) { return hub.upload_target(delivery.call, refusal); });
  if (!target) co_return refusal;
  auto const temporary = with_hub([](Hub& hub) { return hub.store.temporary(); });
  int const descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) co_return fail(ErrorKind::io, "localhub: create " + temporary.string());
  Hash sha256(Hash::Kind::sha256);
  Hash md5(Hash::Kind::md5);
  Crc64 crc;
  std::vector<std::byte> buffer(kPieceMax);
  Error problem;
  bool whole = false;
  Bytes received = 0;
  while (!whole) {
    auto const got = co_await request.read_some(buffer);
    if (!got) {
      problem = got.error();
      break;
    }
    whole = *got == 0;
    auto const part = std::span<std::byte const>(buffer).first(*got);
    if (target->xorb) {
      crc.update(part);
    } else {
      sha256.update(part);
      md5.update(part);
    }
    received += *got;
    if (::write(descriptor, part.data(), part.size()) != static_cast<ssize_t>(part.size())) {
      problem = fail(ErrorKind::io, "localhub: write " + temporary.string());
      break;
    }
  }
  ::close(descriptor);
  if (!whole) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    co_return problem;
  }
  ledger.received(delivery.seq, received);
  auto const sha256_text = sha256.hex();
  auto const md5_text = md5.hex();
  co_return with_hub([&](Hub& hub) { return hub.upload_done(*target, temporary, sha256_text, md5_text, received, crc.value()); });
}

}  // namespace hubd::localhub
