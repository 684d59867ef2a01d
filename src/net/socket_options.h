// The options of Drover's sockets. Those of a listening socket are inherited by what it accepts.
#pragma once

namespace drover::net {

// TCP_NODELAY: frames are passed on as they come. TCP_NOTSENT_LOWAT: a slow peer's bytes wait in Drover, where they
// are counted, and not in the kernel.
void set_stream_options(int fd);

// SO_KEEPALIVE: a peer that vanished is noticed after about two minutes. Not for every socket: it costs four system
// calls and a timer of the kernel's, some 2 % of what a connection takes that comes and goes.
void set_keepalive(int fd);

}  // namespace drover::net
