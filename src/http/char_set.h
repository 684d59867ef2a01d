// Sets of characters as the grammars of heads have them: letters, digits and a few others. One look-up a byte.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace drover::http {

class CharSet {
 public:
  consteval explicit CharSet(std::string_view beside_letters_and_digits) {
    add("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    add(beside_letters_and_digits);
  }

  constexpr bool contains(char c) const { return members_[static_cast<unsigned char>(c)]; }
  // True for an empty text too.
  constexpr bool contains_all(std::string_view text) const { return length_in(text) == text.size(); }
  // How many characters at the front of `text` are members.
  constexpr std::size_t length_in(std::string_view text) const {
    std::size_t length = 0;
    while (length < text.size() && contains(text[length])) ++length;
    return length;
  }

 private:
  consteval void add(std::string_view characters) {
    for (const char c : characters) members_[static_cast<unsigned char>(c)] = true;
  }

  std::array<bool, 256> members_{};
};

inline constexpr CharSet kTokenChars("!#$%&'*+-.^_`|~");  // tchar, RFC 9110 section 5.6.2

}  // namespace drover::http
