// Numbers as the API shows them.
#pragma once

namespace drover::admin {

// To six significant digits: more would only be noise of a division.
double rounded(double value);

}  // namespace drover::admin
