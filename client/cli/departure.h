// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "client/cli/output.h"
#include "client/cli/progress_printer.h"
#include "client/client.h"

namespace hubd::cli {

/// Ctrl-C: leaves for good, within 200 ms. hubd goes on alone with the transfers that were begun, and stderr says how
/// to come back to them. `code` is what the shell sees. Never returns.
[[noreturn]] void leave(client::Client& client, ProgressPrinter& printer, Output& output,
                        std::vector<std::string> const& transfers, int code);

}  // namespace hubd::cli
