// A name server on loopback, on the loop of the test: UDP, and TCP on the same port. It answers with records that the
// test gives it, with a code, with bytes of the test's own, or not at all. RFC 1035 section 4.1 has the format.
#pragma once

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "net/address.h"
#include "net/loop.h"

namespace drover::health {

enum class Rcode : std::uint8_t { kNoError = 0, kServerFailure = 2, kNoSuchName = 3, kRefused = 5 };
enum class RecordType : std::uint16_t { kA = 1, kCname = 5, kAaaa = 28 };

inline std::string big_endian(std::uint64_t number, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(number >> shift & 0xFF);
  return text;
}

// "a.test" as labels.
inline std::string labels(const std::string& name) {
  std::string text;
  for (std::size_t start = 0; start < name.size();) {
    const std::size_t dot = std::min(name.find('.', start), name.size());
    text += static_cast<char>(dot - start) + name.substr(start, dot - start);
    start = dot + 1;
  }
  return text + '\0';
}

struct Record {
  std::string name;
  RecordType type;
  std::uint32_t ttl;
  std::string bytes;

  static Record a(const std::string& name, const std::string& ip, std::uint32_t ttl) {
    return {name, RecordType::kA, ttl, std::string(net::Address::from_literal(ip, 0)->ip_bytes())};
  }
  static Record aaaa(const std::string& name, const std::string& ip, std::uint32_t ttl) {
    return {name, RecordType::kAaaa, ttl, std::string(net::Address::from_literal(ip, 0)->ip_bytes())};
  }
  static Record cname(const std::string& name, const std::string& target, std::uint32_t ttl) {
    return {name, RecordType::kCname, ttl, labels(target)};
  }
  std::string wire() const {
    return labels(name) + big_endian(static_cast<std::uint16_t>(type), 2) + big_endian(1, 2) + big_endian(ttl, 4) +
           big_endian(bytes.size(), 2) + bytes;
  }
};

struct Asked {
  std::string name;
  RecordType type;
  bool tcp;
  std::string message;  // with the id of the query in its first two bytes, and one question
};

class NameServer {
 public:
  // What is sent back; empty: nothing.
  using Answering = std::function<std::string(const Asked&)>;

  // Port 0: any.
  explicit NameServer(net::Loop& loop, std::string ip = "127.0.0.1", std::uint16_t port = 0)
      : ip_(std::move(ip)), loop_(loop), tcp_(*this, SOCK_STREAM, port), udp_(*this, SOCK_DGRAM, tcp_.port) {
    REQUIRE(::listen(tcp_.descriptor, 16) == 0);
  }

  config::Endpoint endpoint() const { return {ip_, tcp_.port, ""}; }
  // Further records of a name and type; what has none is answered with none.
  void add(const std::string& name, RecordType type, Record record) {
    answering[{name, type}] = [this, key = std::pair(name, type)](const Asked& query) {
      return message(query, Rcode::kNoError, records_[key]);
    };
    records_[{name, type}].push_back(std::move(record));
  }
  // For both types.
  void answer(const std::string& name, const Answering& how) {
    answering[{name, RecordType::kA}] = how;
    answering[{name, RecordType::kAaaa}] = how;
  }
  void answer(const std::string& name, Rcode code) {
    answer(name, [code](const Asked& query) { return message(query, code, {}); });
  }
  void stay_silent(const std::string& name) {
    answer(name, [](const Asked&) { return std::string(); });
  }

  static std::string message(const Asked& query, Rcode code, const std::vector<Record>& records,
                             std::uint16_t flags = 0x8180) {  // a response, recursion desired and available
    std::string text = query.message.substr(0, 2) + big_endian(flags | static_cast<unsigned>(code), 2) +
                       big_endian(1, 2) + big_endian(records.size(), 2) + big_endian(0, 4);
    text += labels(query.name) + big_endian(static_cast<std::uint16_t>(query.type), 2) + big_endian(1, 2);
    for (const Record& record : records) text += record.wire();
    return text;
  }
  static constexpr std::uint16_t kTruncated = 0x8380;

  std::vector<Asked> asked;
  std::map<std::pair<std::string, RecordType>, Answering> answering;

 private:
  struct Socket : net::Poller::Source {
    Socket(NameServer& owner, int type, std::uint16_t wanted)
        : server(owner), descriptor(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
      const net::Address address = *net::Address::from_literal(server.ip_, wanted);
      REQUIRE(::bind(descriptor, address.raw(), address.raw_size()) == 0);
      sockaddr_in bound{};
      socklen_t size = sizeof(bound);
      REQUIRE(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
      port = ntohs(bound.sin_port);
      const int room = 1 << 20;  // for the queries of many names at once
      ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
      REQUIRE(server.loop_.poller().watch(*this, descriptor, EPOLLIN));
    }
    Socket(NameServer& owner, int accepted) : server(owner), descriptor(accepted) {
      REQUIRE(server.loop_.poller().watch(*this, descriptor, EPOLLIN));
    }
    ~Socket() {
      server.loop_.poller().forget(*this);
      ::close(descriptor);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    NameServer& server;
    const int descriptor;
    std::uint16_t port = 0;
  };

  struct Udp final : Socket {
    using Socket::Socket;
    void on_ready(std::uint32_t) noexcept override {
      std::array<char, 2048> buffer{};
      sockaddr_in from{};
      for (;;) {
        socklen_t size = sizeof(from);
        auto* peer = reinterpret_cast<sockaddr*>(&from);
        const ssize_t got = ::recvfrom(descriptor, buffer.data(), buffer.size(), 0, peer, &size);
        if (got <= 0) return;
        const std::string text = server.reply({buffer.data(), static_cast<std::size_t>(got)}, false);
        if (!text.empty()) ::sendto(descriptor, text.data(), text.size(), 0, peer, size);
      }
    }
  };

  // Messages with their length before them: RFC 1035 section 4.2.2.
  struct Connection final : Socket {
    using Socket::Socket;
    void on_ready(std::uint32_t) noexcept override {
      std::array<char, 2048> buffer{};
      const ssize_t got = ::recv(descriptor, buffer.data(), buffer.size(), 0);
      if (got <= 0) return server.loop_.poller().change(*this, net::Poller::kParked);
      received.append(buffer.data(), static_cast<std::size_t>(got));
      while (received.size() > 2) {
        const auto high = static_cast<std::uint8_t>(received[0]);
        const auto low = static_cast<std::uint8_t>(received[1]);
        const std::size_t length = std::size_t{high} << 8 | low;
        if (received.size() < 2 + length) return;
        const std::string text = server.reply(std::string_view(received).substr(2, length), true);
        received.erase(0, 2 + length);
        const std::string framed = big_endian(text.size(), 2) + text;
        if (!text.empty()) ::send(descriptor, framed.data(), framed.size(), MSG_NOSIGNAL);
      }
    }
    std::string received;
  };

  struct Listening final : Socket {
    using Socket::Socket;
    void on_ready(std::uint32_t) noexcept override {
      const int accepted = ::accept4(descriptor, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (accepted >= 0) server.connections_.push_back(std::make_unique<Connection>(server, accepted));
    }
  };

  std::string reply(std::string_view query, bool tcp) {
    Asked question{"", RecordType::kA, tcp, std::string(query)};
    std::size_t at = 12;
    while (at < query.size() && query[at] != '\0') {
      const auto length = static_cast<std::uint8_t>(query[at]);
      question.name += (question.name.empty() ? "" : ".") + std::string(query.substr(at + 1, length));
      at += 1U + length;
    }
    question.type = static_cast<RecordType>(static_cast<std::uint8_t>(query.at(at + 2)));
    asked.push_back(question);
    const auto found = answering.find({question.name, question.type});
    return found != answering.end() ? found->second(question) : message(question, Rcode::kNoError, {});
  }

  const std::string ip_;
  net::Loop& loop_;
  Listening tcp_;
  Udp udp_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::map<std::pair<std::string, RecordType>, std::vector<Record>> records_;
};

}  // namespace drover::health
