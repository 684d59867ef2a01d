// Several short texts in one allocation, for what a session must remember for days: a std::string each would cost
// more than the texts themselves.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>

namespace drover {

class PackedText {
 public:
  PackedText() = default;
  // Each text is cut at 65,535 bytes.
  PackedText(std::initializer_list<std::string_view> texts) : count_(texts.size()) {
    std::size_t size = 0;
    for (auto text : texts) size += sizeof(std::uint16_t) + clipped(text).size();
    bytes_ = std::make_unique_for_overwrite<char[]>(size);
    char* at = bytes_.get();
    for (auto text : texts) {
      text = clipped(text);
      const auto length = static_cast<std::uint16_t>(text.size());
      std::memcpy(at, &length, sizeof(length));
      if (!text.empty()) std::memcpy(at + sizeof(length), text.data(), text.size());
      at += sizeof(length) + text.size();
    }
  }

  // Empty where there is no such text.
  std::string_view operator[](std::size_t index) const {
    if (bytes_ == nullptr || index >= count_) return {};  // null: moved from
    const char* at = bytes_.get();
    while (true) {
      std::uint16_t length = 0;
      std::memcpy(&length, at, sizeof(length));
      if (index == 0) return {at + sizeof(length), length};
      at += sizeof(length) + length;
      --index;
    }
  }

 private:
  static std::string_view clipped(std::string_view text) { return text.substr(0, 0xffff); }

  std::unique_ptr<char[]> bytes_;
  std::size_t count_ = 0;
};

}  // namespace drover
