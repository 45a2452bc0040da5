// SPDX-License-Identifier: Apache-2.0
// download REPO [REVISION]: brings a repo onto this host, prints where each file is.
#include <hubd/client/client.h>
#include <iostream>

using namespace hubd::client;

int fail(Error const& error) {
  std::cerr << "Error: " << error.message << "\n";
  return 1;
}

int main(int argc, char** argv) {
  if (argc < 2) return fail(make_error(ErrorKind::bad_request, "usage: download REPO [REVISION]"));
  auto const variables = process_variables();  // HF_HOME, HF_TOKEN, HF_ENDPOINT, HUBD_SOCKET, ...
  auto const options = Client::options_from(variables);
  if (!options) return fail(options.error());
  auto const client = Client::connect(*options);
  if (!client) return fail(client.error());

  EnsureRequest request;
  request.caller = caller_from(variables);
  request.repo = {RepoType::model, argv[1], argc > 2 ? argv[2] : ""};
  EnsureListener listener;
  listener.progress = [](Progress const& at) { std::cerr << at.bytes_done << " of " << at.bytes_total << " bytes\n"; };
  auto const done = (*client)->ensure(request, listener);
  if (!done) return fail(done.error());
  for (auto const& file : done->files) std::cout << file.absolute_path << "\n";
}
