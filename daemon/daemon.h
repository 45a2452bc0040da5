// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/options.h"

namespace hubd::daemon {

/// Builds the object graph, serves until a signal, Shutdown or idling ends it, and takes it down again.
/// Returns the process's exit code.
int run(Options options);

}  // namespace hubd::daemon
