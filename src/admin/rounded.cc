// By way of the text that it is going to be.
#include "admin/rounded.h"

#include <charconv>
#include <iterator>

namespace drover::admin {

double rounded(double value) {
  char text[32];
  const auto printed = std::to_chars(text, std::end(text), value, std::chars_format::general, 6);
  double result = 0;
  std::from_chars(text, printed.ptr, result);
  return result;
}

}  // namespace drover::admin
