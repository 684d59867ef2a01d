// RULES of frames: each one broken by either sender, in the shortest way that is illegal for certain, at every cut,
// alone and behind legal traffic.
#include <doctest/doctest.h>

#include "frames.h"

namespace drover::websocket {
namespace {

using test::bytes;
using test::close_payload;
using test::cut_everywhere;
using test::frame;
using test::header;
using test::scan_in_pieces;
using test::Seen;

constexpr unsigned kFin = 0x80;
constexpr unsigned kRsv1 = 0x40;

// `legal` passes; `illegal` is a violation with its last byte and not before.
void check_broken(Sender sender, const std::string& legal, const std::string& illegal, const ScanLimits& limits = {},
                  CloseCode code = CloseCode::kProtocolError) {
  INFO("sender ", sender == Sender::kClient ? "client" : "backend", ", illegal bytes ", illegal.size());
  const Seen before = scan_in_pieces(sender, legal + illegal.substr(0, illegal.size() - 1), {}, limits);
  REQUIRE_FALSE(before.violation);

  const auto check = [&](const std::string& stream, const std::vector<std::size_t>& cuts) {
    const Seen seen = scan_in_pieces(sender, stream, cuts, limits);
    REQUIRE(seen.violation);
    CHECK(seen.violation->code == code);
    CHECK(seen.output == before.output);
    CHECK(seen.controls == before.controls);
  };
  const std::string stream = legal + illegal;
  check(stream, {});
  check(stream + std::string(300, 'x'), {});
  check(stream, cut_everywhere(stream));
  for (std::size_t cut = 1; cut < stream.size(); ++cut) check(stream, {cut});
}

// The rule alone, and behind traffic of every kind that leaves the stream between messages.
void check_broken_between_messages(Sender sender, const std::string& illegal, const ScanLimits& limits = {},
                                   CloseCode code = CloseCode::kProtocolError) {
  check_broken(sender, "", illegal, limits, code);
  check_broken(sender,
               frame(sender, kFin | 1, "text") + frame(sender, kFin | 9, "ping") + frame(sender, 2, "first") +
                   frame(sender, kFin | 10, "") + frame(sender, kFin | 0, "last"),
               illegal, limits, code);
}

void check_passed(Sender sender, const std::string& stream, const ScanLimits& limits = {}) {
  for (const auto& cuts : {std::vector<std::size_t>{}, cut_everywhere(stream)}) {
    const Seen seen = scan_in_pieces(sender, stream, cuts, limits);
    CHECK_FALSE(seen.violation);
    CHECK(seen.output == stream);
  }
}

}  // namespace

TEST_SUITE("frame rules") {
  TEST_CASE("a reserved bit that no extension owns") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      for (const unsigned bit : {0x40U, 0x20U, 0x10U}) {
        for (const unsigned opcode : {1U, 2U, 8U, 9U, 10U}) {
          check_broken_between_messages(sender, bytes({kFin | bit | opcode}));
          check_broken(sender, frame(sender, 1, "half"), bytes({kFin | bit | 0}));
        }
      }
    }
  }

  TEST_CASE("permessage-deflate owns RSV1 on the first frame of a message, and nothing else") {
    const ScanLimits deflate{.permessage_deflate = true};
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      check_passed(sender, frame(sender, kFin | kRsv1 | 1, "whole") + frame(sender, kFin | 2, "uncompressed"), deflate);
      check_passed(sender, frame(sender, kRsv1 | 2, "first") + frame(sender, kFin | 0, "last"), deflate);
      check_broken(sender, frame(sender, kRsv1 | 2, "first"), bytes({kFin | kRsv1 | 0}), deflate);
      check_broken(sender, frame(sender, kRsv1 | 2, "first"), bytes({kRsv1 | 0}), deflate);
      for (const unsigned opcode : {8U, 9U, 10U}) {
        check_broken_between_messages(sender, bytes({kFin | kRsv1 | opcode}), deflate);
      }
      for (const unsigned bit : {0x20U, 0x10U}) {
        check_broken_between_messages(sender, bytes({kFin | bit | 1}), deflate);
        check_broken_between_messages(sender, bytes({kFin | kRsv1 | bit | 1}), deflate);
      }
    }
  }

  TEST_CASE("a reserved opcode") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U}) {
        for (const unsigned fin : {0U, kFin}) {
          check_broken_between_messages(sender, bytes({fin | opcode}));
          check_broken(sender, frame(sender, 1, "half"), bytes({fin | opcode}));
        }
      }
    }
  }

  TEST_CASE("a control frame that is fragmented") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      for (const unsigned opcode : {8U, 9U, 10U}) check_broken_between_messages(sender, bytes({opcode}));
    }
  }

  TEST_CASE("a control frame over 125 bytes") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      const unsigned mask = sender == Sender::kClient ? 0x80 : 0;
      for (const unsigned opcode : {8U, 9U, 10U}) {
        check_broken_between_messages(sender, bytes({kFin | opcode, mask | 126}));
        check_broken_between_messages(sender, bytes({kFin | opcode, mask | 127}));
      }
      const Seen seen = scan_in_pieces(sender, frame(sender, kFin | 9, std::string(125, 'p')), {});
      REQUIRE(seen.controls.size() == 1);
      CHECK(seen.controls[0].payload == std::string(125, 'p'));
    }
  }

  TEST_CASE("continuation out of order") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      check_broken_between_messages(sender, bytes({kFin | 0}));
      check_broken_between_messages(sender, bytes({0}));
      for (const unsigned first : {1U, 2U, kFin | 1, kFin | 2}) {
        check_broken(sender, frame(sender, 1, "half"), bytes({first}));
        check_broken(sender, frame(sender, 2, "") + frame(sender, 0, "") + frame(sender, kFin | 9, ""), bytes({first}));
      }
    }
  }

  TEST_CASE("unmasked from the client, masked from the backend") {
    for (const unsigned first : {kFin | 1, kFin | 2, 1U, kFin | 8, kFin | 9, kFin | 10}) {
      for (const unsigned length : {0U, 2U, 125U}) {
        check_broken_between_messages(Sender::kClient, bytes({first, length}));
        check_broken_between_messages(Sender::kBackend, bytes({first, 0x80 | length}));
      }
    }
    for (const unsigned length : {126U, 127U}) {
      check_broken_between_messages(Sender::kClient, bytes({kFin | 2, length}));
      check_broken_between_messages(Sender::kBackend, bytes({kFin | 2, 0x80 | length}));
    }
  }

  TEST_CASE("a length that is not minimal") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      const unsigned mask = sender == Sender::kClient ? 0x80 : 0;
      check_broken_between_messages(sender, bytes({kFin | 2, mask | 126, 0, 125}));
      check_broken_between_messages(sender, bytes({kFin | 2, mask | 126, 0, 0}));
      check_broken_between_messages(sender, bytes({kFin | 2, mask | 127, 0, 0, 0, 0, 0, 0}));
    }
  }

  TEST_CASE("every form of length passes from its smallest to its largest") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      for (const std::size_t length : {0U, 1U, 125U, 126U, 127U, 255U, 256U, 65535U, 65536U, 65537U}) {
        const std::string stream = frame(sender, kFin | 2, std::string(length, 'b'));
        for (std::size_t cut = 1; cut < 20 && cut < stream.size(); ++cut) {
          CHECK(scan_in_pieces(sender, stream, {cut}).output == stream);
        }
        CHECK(scan_in_pieces(sender, stream, {}).output == stream);
      }
      const std::string longest = header(sender, kFin | 2, (1ULL << 63) - 1);
      FrameScanner scanner(sender);
      Seen seen;
      test::feed(scanner, longest + std::string(test::kMask) + "front of it", {}, seen);
      CHECK_FALSE(seen.violation);
      CHECK(seen.output.ends_with("front of it"));
      CHECK_FALSE(scanner.at_frame_boundary());
    }
  }

  TEST_CASE("a 64-bit length with the top bit") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      const unsigned mask = sender == Sender::kClient ? 0x80 : 0;
      check_broken_between_messages(sender, bytes({kFin | 2, mask | 127, 0x80}));
      check_broken_between_messages(sender, bytes({kFin | 2, mask | 127, 0xff}));
      // Not 1009: the length is no length at all.
      check_broken_between_messages(sender, bytes({kFin | 2, mask | 127, 0x80}), {.max_message_size = 1000});
    }
  }

  TEST_CASE("Close with one byte") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      check_broken_between_messages(sender, header(sender, kFin | 8, 1));
      CHECK(scan_in_pieces(sender, frame(sender, kFin | 8, ""), {}).controls.size() == 1);
      CHECK(scan_in_pieces(sender, frame(sender, kFin | 9, "1"), {}).controls.size() == 1);
    }
  }

  TEST_CASE("Close with a code that must not be sent") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      const std::string key = sender == Sender::kClient ? std::string(test::kMask) : "";
      for (const unsigned code : {0U, 999U, 1004U, 1005U, 1006U, 1015U, 2999U, 5000U, 65535U}) {
        std::string payload = close_payload(code);
        if (sender == Sender::kClient) payload = test::masked(payload);
        check_broken_between_messages(sender, header(sender, kFin | 8, 2) + key + payload);
        check_broken_between_messages(sender, header(sender, kFin | 8, 40) + key + payload);
      }
      for (const unsigned code : {1000U, 1003U, 1007U, 1014U, 3000U, 4999U}) {
        const std::string stream = frame(sender, kFin | 8, close_payload(code, "reason"));
        for (const auto& cuts : {std::vector<std::size_t>{}, cut_everywhere(stream)}) {
          const Seen seen = scan_in_pieces(sender, stream, cuts);
          REQUIRE(seen.controls.size() == 1);
          CHECK(seen.controls[0].payload == close_payload(code, "reason"));
        }
      }
      // A code is a Close frame's affair.
      CHECK_FALSE(scan_in_pieces(sender, frame(sender, kFin | 9, close_payload(0)), {}).violation);
    }
  }

  TEST_CASE("over max_message_size, decided at the header: 1009") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      const unsigned mask = sender == Sender::kClient ? 0x80 : 0;
      const auto too_big = CloseCode::kTooBig;
      check_broken_between_messages(sender, header(sender, kFin | 2, 101), {.max_message_size = 100}, too_big);
      check_broken_between_messages(sender, header(sender, kFin | 2, 301), {.max_message_size = 300}, too_big);
      check_broken_between_messages(sender, header(sender, kFin | 2, 70001), {.max_message_size = 70000}, too_big);
      // The high bytes of the length say enough.
      check_broken_between_messages(sender, bytes({kFin | 2, mask | 126, 2}), {.max_message_size = 500}, too_big);
      check_broken_between_messages(sender, bytes({kFin | 2, mask | 127, 0x7f}), {.max_message_size = 500}, too_big);
      check_broken_between_messages(sender, bytes({kFin | 2, mask | 127, 0, 0, 0, 0, 1}), {.max_message_size = 65536},
                                    too_big);
      check_passed(sender, frame(sender, kFin | 2, std::string(100, 'b')), {.max_message_size = 100});
      check_passed(sender, frame(sender, kFin | 2, std::string(300, 'b')), {.max_message_size = 300});
    }
  }

  TEST_CASE("all fragments count towards max_message_size, control frames between them and other messages do not") {
    const ScanLimits limits{.max_message_size = 100};
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      const std::string half = frame(sender, 1, std::string(50, 'h'));
      const std::string ping = frame(sender, kFin | 9, std::string(120, 'p'));
      const std::string more = frame(sender, 0, std::string(49, 'm'));
      check_broken(sender, half, header(sender, kFin | 0, 51), limits, CloseCode::kTooBig);
      check_broken(sender, half + ping + more + ping, header(sender, 0, 2), limits, CloseCode::kTooBig);
      check_broken(sender, half + more + frame(sender, 0, "x") + frame(sender, 0, ""), header(sender, kFin | 0, 1),
                   limits, CloseCode::kTooBig);
      check_passed(sender, half + more + frame(sender, kFin | 0, "x") + half + more + frame(sender, kFin | 0, "y"),
                   limits);
    }
  }

  TEST_CASE("over max_fragments, decided by the first byte: 1008") {
    const auto too_many = CloseCode::kPolicyViolation;
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      const std::string first = frame(sender, 1, "");
      const std::string more = frame(sender, 0, "x");
      const std::string ping = frame(sender, kFin | 9, "p");
      for (const unsigned next : {0U, kFin | 0}) {  // the last fragment counts too
        check_broken(sender, first, bytes({next}), {.max_fragments = 1}, too_many);
        check_broken(sender, first + more + ping + more, bytes({next}), {.max_fragments = 3}, too_many);
      }
      // Other rules of the same byte come first, and a full message may still be interrupted by control frames.
      check_broken(sender, first + ping, bytes({kFin | 1}), {.max_fragments = 1});
      check_broken(sender, first, bytes({kRsv1 | 0}), {.max_fragments = 1, .permessage_deflate = true});
    }
  }

  TEST_CASE("messages of max_fragments frames pass, one after the other; 0 is no limit") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      const std::string whole = frame(sender, kFin | 2, "whole");
      const std::string three = frame(sender, 1, "1") + frame(sender, 0, "") + frame(sender, kFin | 0, "3");
      check_passed(sender, three + whole + three + whole, {.max_fragments = 3});
      check_passed(sender, whole + whole, {.max_fragments = 1});
      std::string long_one = frame(sender, 1, "");
      for (int i = 0; i < 1000; ++i) long_one += frame(sender, 0, "");
      check_passed(sender, long_one + frame(sender, kFin | 0, ""), {});
    }
  }
}

}  // namespace drover::websocket
