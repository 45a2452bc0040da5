// SPDX-License-Identifier: Apache-2.0
#include "client/cli/departure.h"

#include <unistd.h>

#include <chrono>

#include "client/cli/text.h"

namespace hubd::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto kDetachMax = milliseconds(120);  // of all together

}  // namespace

void leave(client::Client& client, ProgressPrinter& printer, Output& output, std::vector<std::string> const& transfers,
           int code) {
  printer.clear();
  auto const end = steady_clock::now() + kDetachMax;
  std::vector<std::string> going_on;
  for (auto const& id : transfers) {
    auto const left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
    if (id.empty() || left.count() <= 0) continue;
    if (client.detach(id, left)) going_on.push_back(id);
  }
  std::string sentence = "Interrupted; run the same command again to go on where it stopped.";
  if (going_on.size() == 1) {
    auto const& id = going_on.front();
    sentence = "Interrupted; hubd goes on with transfer " + id +
               ". Run the same command again to come back, `hubctl transfers watch " + id +
               "` to look on, `hubctl transfers cancel " + id + "` to stop it.";
  } else if (!going_on.empty()) {
    sentence =
        "Interrupted; hubd goes on with transfers " + join(going_on, ", ") +
        ". Run the same command again to come back, `hubctl transfers ls` to look on, `hubctl transfers cancel ID` "
        "to stop one.";
  }
  if (output.mode() == Mode::json)
    output.error(client::make_error(client::ErrorKind::cancelled, sentence));
  else
    (void)!::write(STDERR_FILENO, (sentence + "\n").c_str(), sentence.size() + 1);
  ::_exit(code);
}

}  // namespace hubd::cli
