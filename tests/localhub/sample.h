// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/base/result.h"

namespace hubd::localhub {

class Hub;

/// Adds hubd/sample-model and hubd/sample-dataset: made by a generator, the same in every run. Fails: io.
Result<void> add_sample(Hub& hub);

}  // namespace hubd::localhub
