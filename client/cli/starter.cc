// SPDX-License-Identifier: Apache-2.0
#include "client/cli/starter.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace hubd::cli {
namespace {

using client::ErrorKind;
using client::make_error;
using Clock = std::chrono::steady_clock;

constexpr auto kStartMax = std::chrono::seconds(20);
constexpr auto kStartAgain = std::chrono::milliseconds(250);
constexpr useconds_t kLookEvery = 10'000;
constexpr int kExitBusy = 3;  // hubd's own: another one owns the cache
constexpr off_t kLogMax = 8 << 20;

std::string beside_this_program() {
  std::array<char, 4096> path{};
  auto const length = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (length <= 0) return "";
  return std::filesystem::path(std::string(path.data(), static_cast<std::size_t>(length))).parent_path() / "hubd";
}

bool is_program(std::string const& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

off_t size_of(std::string const& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 ? found.st_size : 0;
}

/// The last line written behind `from`, "" when there is none.
std::string last_line(std::string const& path, off_t from) {
  std::ifstream in(path);
  in.seekg(from);
  std::string line;
  std::string last;
  while (std::getline(in, line))
    if (!line.empty()) last = line;
  return last;
}

/// The socket that "... (pid 7, socket /run/hubd.sock)" names, "" when it names none.
std::string socket_of(std::string const& line) {
  auto const begin = line.find("socket /");
  if (begin == std::string::npos) return "";
  auto const path = line.substr(begin + 7);
  return path.substr(0, path.find(')'));
}

/// Makes the log's folder (0700) and keeps one older log beside one that has grown too large.
client::Result<void> prepare_log(std::string const& log) {
  auto const folder = std::filesystem::path(log).parent_path();
  std::error_code error;
  bool const there = std::filesystem::exists(folder, error);
  std::filesystem::create_directories(folder, error);
  if (error) return make_error(ErrorKind::io, "make folder " + folder.string() + " for hubd's log: " + error.message());
  if (!there) ::chmod(folder.c_str(), 0700);
  if (size_of(log) > kLogMax) std::filesystem::rename(log, log + ".1", error);
  return {};
}

/// Owns what posix_spawn wants.
class Spawn {
 public:
  Spawn() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  ~Spawn() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  Spawn(Spawn const&) = delete;
  Spawn& operator=(Spawn const&) = delete;

  /// The child's pid, or 0 and errno.
  pid_t run(StartPlan const& plan) {
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, plan.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&actions_, "/");
    sigset_t none;
    sigset_t ordinary;
    sigemptyset(&none);
    sigfillset(&ordinary);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &ordinary);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    std::vector<std::string> words{plan.program};
    words.insert(words.end(), plan.arguments.begin(), plan.arguments.end());
    std::vector<std::string> settings;
    for (auto const& [name, value] : plan.environment) settings.push_back(name + "=" + value);
    pid_t pid = 0;
    errno = posix_spawn(&pid, plan.program.c_str(), &actions_, &attributes_, pointers(words).data(),
                        pointers(settings).data());
    return errno == 0 ? pid : 0;
  }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

client::Result<std::string> find_hubd(client::Variables const& variables) {
  if (auto const beside = beside_this_program(); is_program(beside)) return beside;
  auto const path = client::variable(variables, "PATH");
  for (std::size_t begin = 0; begin <= path.size();) {
    auto const end = std::min(path.find(':', begin), path.size());
    auto const folder = std::string(path.substr(begin, end - begin));
    if (auto const candidate = folder + "/hubd"; folder.starts_with('/') && is_program(candidate)) return candidate;
    begin = end + 1;
  }
  return make_error(ErrorKind::unavailable,
                    "hubd does not run, and its program was found neither beside hubctl nor on PATH");
}

StartPlan plan_start(std::string program, std::string const& socket, std::string const& cache_root,
                     client::Variables const& variables) {
  StartPlan plan;
  plan.program = std::move(program);
  plan.arguments = {"--auto-started", "--socket", socket, "--cache", cache_root};
  plan.environment = variables;
  // What belongs to this caller must not become everybody's: it travels with each call.
  for (auto const* const name :
       {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "HUGGINGFACE_CO_STAGING", "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HUBD_SOCKET", "HUBD_NO_AUTOSTART",
        "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
    plan.environment.erase(name);
  // hubd starts in "/": a relative folder would be another one there.
  for (auto const* const name : {"HF_HOME", "HF_TOKEN_PATH"})
    if (auto const found = plan.environment.find(name); found != plan.environment.end() && !found->second.empty())
      found->second = client::expand_path(found->second, variables);
  plan.log = client::hf_home(variables) + "/hubd/hubd.log";
  return plan;
}

bool listens(std::string const& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, socket.data(), socket.size());
  int const descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return false;
  int const answer = ::connect(descriptor, reinterpret_cast<sockaddr const*>(&address), sizeof address);
  bool const there = answer == 0 || errno == EAGAIN;  // EAGAIN: its queue is full, so it is there
  ::close(descriptor);
  return there;
}

client::Result<void> start_hubd(StartPlan const& plan, std::string const& socket) {
  auto const prepared = prepare_log(plan.log);
  if (!prepared) return prepared.error();
  auto const log_begin = size_of(plan.log);
  auto const deadline = Clock::now() + kStartMax;
  auto next_start = Clock::now();
  pid_t pid = 0;  // 0: none of ours runs
  while (Clock::now() < deadline) {
    if (listens(socket)) return {};
    if (pid == 0 && Clock::now() >= next_start) {
      next_start = Clock::now() + kStartAgain;
      pid = Spawn().run(plan);
      if (pid == 0) return make_error(ErrorKind::unavailable, "start " + plan.program + ": " + std::strerror(errno));
    }
    int status = 0;
    if (pid != 0 && ::waitpid(pid, &status, WNOHANG) == pid) {
      pid = 0;
      // Busy: the owner either still comes up or is about to end, and then the cache wants a new one.
      if (!WIFEXITED(status) || WEXITSTATUS(status) != kExitBusy) break;
      auto const owner = last_line(plan.log, log_begin);
      auto const other = socket_of(owner);
      if (!other.empty() && other != socket && listens(other))
        return make_error(ErrorKind::unavailable, "hubd could not be started: " + owner);
    }
    ::usleep(kLookEvery);
  }
  if (listens(socket)) return {};  // it came between the last look and the end of the one that was started
  auto const last = last_line(plan.log, log_begin);
  auto const reason = last.empty() ? (pid == 0 ? "it ended without a word" : "it does not answer") : last;
  return make_error(ErrorKind::unavailable, "hubd could not be started: " + reason + " (log: " + plan.log + ")");
}

}  // namespace hubd::cli
