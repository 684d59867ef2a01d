// One WebSocket connection of a load run, from connect() to EOF. It may be opened again. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/echo_reader.h"
#include "bench/load/encryption.h"
#include "http/head_parser.h"
#include "net/transport.h"

namespace drover::bench {

// What all connections of a run have in common. Outlives them.
struct Wire {
  net::Address target;
  std::string path;
  unsigned sources = 0;              // connect from 127.0.0.1 to 127.0.0.N in turn; 0: wherever the kernel likes
  Encryption* encryption = nullptr;  // null: plain
  MessageShape shape;
  std::vector<std::uint8_t> outgoing;  // what is sent while a read is handled goes out in one write
};

class Client final : net::ByteStream::Handler {
 public:
  // Hears of its clients. Anything may be called on the client in these, but nothing may destroy it.
  class Owner {
   public:
    virtual void on_open(Client& client) = 0;
    virtual void on_message(Client& client, const Stamp& stamp) = 0;
    // Only who waits for them is told of a text message, which is no echo, and of a Close that comes first, which is
    // answered then; to the others (false) both are failures.
    virtual bool on_text(Client&) { return false; }
    virtual bool on_server_close(Client&) { return false; }
    // It may be opened again. `failure` is empty where the end was ordered, by abort(), or both have sent a Close.
    virtual void on_end(Client& client, const std::string& failure) = 0;

   protected:
    ~Owner() = default;
  };

  Client(net::Loop& loop, Wire& wire, Owner& owner, unsigned index);

  // Connects, with TLS where that is asked for, and upgrades; on_open() or on_end() follows.
  void open();
  void send(const Stamp& stamp);
  // The closing handshake; on_end() follows once the server has ended the connection.
  void close();
  // Ends it at once. on_end() follows, if it was open.
  void abort() { stream().close(); }
  unsigned index() const { return index_; }

 private:
  enum class State : std::uint8_t { kIdle, kUpgrading, kOpen, kClosing, kAnswered };

  void on_connected(net::ByteStream& stream, Result<void> result) noexcept override;
  void on_read(net::ByteStream& stream, Bytes bytes) noexcept override;
  void on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept override;
  void on_written(net::ByteStream& stream) noexcept override;
  void on_closed(net::ByteStream& stream) noexcept override;
  net::ByteStream& stream() { return transport_.stream(); }
  Result<void> connect();
  Result<int> connecting_socket() const;
  void read_answer(Bytes& bytes);
  void read_frames(Bytes bytes);
  void give_up(std::string failure);

  Wire& wire_;
  Owner& owner_;
  const unsigned index_;
  net::Transport transport_;
  EchoReader reader_;
  std::unique_ptr<http::ResponseParser> answer_;  // while it is awaited
  std::string failure_;
  State state_ = State::kIdle;
  bool in_read_ = false;
};

}  // namespace drover::bench
