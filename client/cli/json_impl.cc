// SPDX-License-Identifier: Apache-2.0
// Boost.JSON's definitions, compiled once for hubctl.
#include <boost/json/src.hpp>
